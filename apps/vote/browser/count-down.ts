import { writeSpan } from './write-span.ts';

/** A vote service may know a little later than this page that the moment has come (ms). */
const GRACE_MS = 1_000;
/** All pages of a poll come to its end at once: each asks for what is then within so much time (ms), drawn by lot. */
const SPREAD_MS = 2_000;

/**
 * Counts down to a moment, by the server's clock and not the reader's, and then says that it has come: a poll opens or
 * closes.
 * @param element has the moment (`data-until`, ISO 8601) and the server's time of now (`data-now`, ms since 1970); its
 *   part with the role `timer` gets what is left.
 */
export function countDown(element: HTMLElement, onEnd: () => void): void {
  const timer = element.querySelector<HTMLElement>('[role="timer"]')!;
  // Not by performance.now(), which may stand still while a phone sleeps.
  const endsAt = Date.parse(element.dataset.until!) - Number(element.dataset.now) + Date.now();
  const lot = (crypto.getRandomValues(new Uint16Array(1))[0]! / 65_536) * SPREAD_MS;
  const tick = () => {
    if (!element.isConnected) return clearInterval(ticking);
    const left = endsAt - Date.now();
    timer.textContent = writeSpan(Math.max(0, left));
    if (left > -GRACE_MS - lot || isTelling()) return;
    clearInterval(ticking);
    onEnd();
  };
  const ticking = setInterval(tick, 500);
  tick();
  element.classList.add('shown');
}

/** Whether a ballot is under way, or its voter is being told that no answer came: nothing may take the place of that. */
function isTelling(): boolean {
  return document.querySelector('[aria-busy="true"], #main > [data-no-answer]') !== null;
}
