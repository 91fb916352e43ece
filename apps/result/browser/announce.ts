/** How long a screen reader is left alone between two announcements of how things stand (ms). */
const PAUSE_MS = 15_000;

/** Tells things to screen readers through a live region, politely: a busy poll must not talk all the time. */
export type Announcer = {
  /** How things stand: to be called as often as that changes. The newest is told, now and then. */
  standing(summary: string): void;
  /** What somebody must know at once. */
  news(text: string): void;
};

export function createAnnouncer(region: HTMLElement): Announcer {
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

  return {
    standing(summary) {
      latest = summary;
      tell();
    },
    news(text) {
      region.textContent = text;
    },
  };
}
