/** How long a screen reader is left alone between two announcements (ms). */
const PAUSE_MS = 15_000;

/**
 * Tells changes to screen readers through a live region, politely: a busy poll must not talk all the time.
 * @returns a function to be called with the newest summary, as often as it comes.
 */
export function createAnnouncer(region: HTMLElement): (summary: string) => void {
  let told: string | undefined;
  let latest = '';
  let resting = false;

  function tell(): void {
    if (resting || latest === told) return;
    // The first one is what stands on the page anyway.
    if (told !== undefined) region.textContent = latest;
    told = latest;
    resting = true;
    setTimeout(() => {
      resting = false;
      tell();
    }, PAUSE_MS);
  }

  return (summary) => {
    latest = summary;
    tell();
  };
}
