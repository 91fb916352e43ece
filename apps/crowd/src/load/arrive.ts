import { pause } from '../pause.ts';
import { createTimes, type Times } from '../times.ts';
import type { Arrival } from './arrivals.ts';

/** A crowd that begins more than this share of its visits later than that measures itself. */
export const MAY_BE_LATE = 0.01;
export const MOST_LATE_MS = 100;

/** @param late by how much each visit was begun too late (ms). */
export function wasLate(late: Times): boolean {
  return late.quantile(1 - MAY_BE_LATE) > MOST_LATE_MS;
}

/** Begins each visit when it is due, until the signal. @returns by how much this crowd itself was late, for each (ms). */
export async function arrive(
  arrivals: Iterable<Arrival>,
  begin: (arrival: Arrival, dueAtMs: number) => void,
  signal: AbortSignal,
): Promise<Times> {
  const started = performance.now();
  const late = createTimes();
  for (const arrival of arrivals) {
    const dueAt = started + arrival.atMs;
    const dueIn = dueAt - performance.now();
    // A timer cannot wait for less.
    if (dueIn > 1 && !(await pause(dueIn, signal))) break;
    if (signal.aborted) break;
    late.add(performance.now() - dueAt);
    begin(arrival, dueAt);
  }
  return late;
}
