/** @returns the value that the given part (0 to 1) of the values does not exceed; NaN of none. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** `p50 3 ms, p95 9 ms, p99 14 ms` of times in ms. */
export function describeLatency(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  return [50, 95, 99].map((p) => `p${p} ${formatMs(quantile(sorted, p / 100))}`).join(', ');
}

function formatMs(ms: number): string {
  return Number.isNaN(ms) ? '–' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
