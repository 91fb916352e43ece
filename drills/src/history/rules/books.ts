import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/**
 * The books at every moment at which they were read. What Redis has lost is missing from them from then on, until it was
 * acknowledged and everything is settled.
 */
export function checkBooks({ history }: Evidence): Violation[] {
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
    for (const { partition, drift } of event.partitions) {
      // Too few may be there for a loss, too many for no reason.
      if (drift === 0 || (drift > 0 && mayLack)) continue;
      const what = `partition ${partition}: the drift is ${drift} at ${event.at} ms, and no loss is outstanding`;
      violations.push({ rule: 'drift-is-loss', what });
    }
  }
  return violations;
}
