import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';
import { boundsOf, type Told, tellByPartition } from './told.ts';

/**
 * The books at every moment at which they were read. What Redis has lost is missing from them from then on, until it was
 * acknowledged and everything is settled; in each partition no more than can have been lost of its own ballots by then.
 */
export function checkBooks(evidence: Evidence): Violation[] {
  const { history, final } = evidence;
  const told = tellByPartition(evidence);
  const toldOf = new Map(final.partitions.map(({ partition }, index) => [partition, told[index]!]));
  const violations: Violation[] = [];
  let isOutstanding = false;
  let settledAt = Number.NEGATIVE_INFINITY;
  for (const event of history) {
    if (event.type === 'fault' && event.loses && event.phase === 'begins') isOutstanding = true;
    if (event.type === 'settled' && isOutstanding) {
      isOutstanding = false;
      settledAt = event.at;
    }
    if (event.type !== 'books') continue;
    const mayLack = isOutstanding || event.since <= settledAt;
    for (const { partition, drift, lost } of event.partitions) {
      // Too few may be there for a loss, too many for no reason.
      const most = mayLack ? mostMissing(toldOf.get(partition), event.at, lost) : 0;
      if (drift === 0 || (drift > 0 && drift <= most)) continue;
      const why = mayLack ? `${most} can be missing of what was lost` : 'no loss is outstanding';
      const what = `partition ${partition}: the drift is ${drift} at ${event.at} ms, and ${why}`;
      violations.push({ rule: 'drift-is-loss', what });
    }
  }
  return violations;
}

/** @param acknowledged of the losses up to then, which are missed no more. */
function mostMissing(told: Told | undefined, at: number, acknowledged: number): number {
  // Without a final state nobody knows whose ballots are lost, nor in which partition they were.
  if (!told) return Number.POSITIVE_INFINITY;
  return Math.max(0, boundsOf(told, at, at).mostLost - acknowledged);
}
