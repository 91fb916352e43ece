import { createHistogram } from 'node:perf_hooks';

/** Times in a histogram (HDR): exact to a thousandth, in memory that does not grow however many there are. */
export type Times = {
  /** @param ms over an hour count as an hour. */
  add(ms: number): void;
  readonly count: number;
  /** @returns the time (ms) that the given part (0 to 1) of all does not exceed; NaN of none. */
  quantile(part: number): number;
  /** Forgets all. */
  clear(): void;
};

const HOUR_US = 3_600_000_000;

export function createTimes(): Times {
  const histogram = createHistogram({ lowest: 1, highest: HOUR_US, figures: 3 });
  return {
    // Whole numbers from 1 on are all that it takes.
    add: (ms) => histogram.record(Math.min(HOUR_US, Math.max(1, Math.round(ms * 1_000)))),
    get count() {
      return histogram.count;
    },
    quantile: (part) => (histogram.count === 0 ? Number.NaN : histogram.percentile(part * 100) / 1_000),
    clear: () => histogram.reset(),
  };
}

/** `p50 3.0 ms, p95 9.1 ms, p99 14 ms`. */
export function describeTimes(times: Times): string {
  return [50, 95, 99].map((p) => `p${p} ${formatMs(times.quantile(p / 100))}`).join(', ');
}

/** `3.1 ms`, `14 ms`; a dash for NaN. */
export function formatMs(ms: number): string {
  return Number.isNaN(ms) ? '–' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
