import { writeSpan } from './write-span.ts';

/** Farther away than this (ms), the moment itself says more. */
const SHOWN_WITHIN_MS = 24 * 60 * 60 * 1_000;
/** A vote service may know a little later than this page that the moment has come (ms). */
const GRACE_MS = 1_000;

/**
 * Counts down to a moment, by the server's clock and not the reader's, and then asks for the page anew: a poll opens or
 * closes on it.
 * @param element has the moment (`data-until`, ISO 8601) and the server's time of now (`data-now`, ms since 1970); its
 *   part with the role `timer` gets what is left. It is shown during the last day.
 */
export function countDown(element: HTMLElement): void {
  const timer = element.querySelector<HTMLElement>('[role="timer"]')!;
  const endsAt = performance.now() + Date.parse(element.dataset.until!) - Number(element.dataset.now);
  const tick = () => {
    if (!element.isConnected) return clearInterval(ticking);
    const left = endsAt - performance.now();
    element.hidden = left > SHOWN_WITHIN_MS;
    timer.textContent = writeSpan(Math.max(0, left));
    if (left > -GRACE_MS) return;
    clearInterval(ticking);
    location.assign(location.pathname);
  };
  const ticking = setInterval(tick, 500);
  tick();
}
