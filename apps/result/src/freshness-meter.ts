import type { Histogram } from 'prom-client';
import type { ReadListener } from './tally-feed.ts';

/**
 * Measures the time from a ballot's acceptance to the emission of a tally with it: for each partition whose position
 * moved, that of the last ballot recorded. It compares Redis's clock (in the ballot's identity) with PostgreSQL's
 * (carried on by ours), so it is off by as much as those two differ; below zero counts as zero.
 */
export function createFreshnessMeter(histogram: Pick<Histogram, 'observe'>): {
  /** To be called after each read. */
  noteRead: ReadListener;
  /** To be called when the tallies of the last read are emitted. */
  noteEmission(): void;
} {
  /** By partition: when its last ballot was accepted, on this process's monotonic clock (ms). */
  const advanced = new Map<number, number>();
  return {
    noteRead({ snapshot, startedAt }, previous) {
      // What was recorded before this process started says nothing of the time that it took.
      if (!previous) return;
      const before = new Map(previous.snapshot.partitions.map((p) => [p.partition, p.recordedUpTo]));
      for (const { partition, recordedUpTo } of snapshot.partitions) {
        if (recordedUpTo > (before.get(partition) ?? 0)) {
          advanced.set(partition, startedAt - (snapshot.now - recordedUpTo));
        }
      }
    },
    noteEmission() {
      const now = performance.now();
      for (const acceptedAt of advanced.values()) histogram.observe(Math.max(0, now - acceptedAt) / 1000);
      advanced.clear();
    },
  };
}
