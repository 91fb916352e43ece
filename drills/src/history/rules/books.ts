import type { FinalState } from '../events.ts';
import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/**
 * The books at every moment at which they were read. What Redis has lost is missing from them from then on, until an
 * operator acknowledges it, which they show themselves: more are counted as lost than when the fault began.
 */
export function checkBooks({ history }: Evidence): Violation[] {
  const violations: Violation[] = [];
  let lost = 0;
  let lostBefore: number | undefined;
  for (const event of history) {
    if (event.type === 'fault' && event.loses && event.phase === 'begins') lostBefore = lost;
    if (event.type !== 'books' && event.type !== 'settled') continue;
    lost = lostIn(event.partitions);
    if (lostBefore !== undefined && lost > lostBefore) lostBefore = undefined;
    // What was settled is judged with all that was accepted by then.
    if (event.type === 'settled') continue;
    for (const { partition, drift } of event.partitions) {
      // Too few may be there for a loss, too many for no reason.
      if (drift === 0 || (drift > 0 && lostBefore !== undefined)) continue;
      const what = `partition ${partition}: the drift is ${drift} at ${event.at} ms, and no loss is outstanding`;
      violations.push({ rule: 'drift-is-loss', what });
    }
  }
  return violations;
}

function lostIn(partitions: FinalState['partitions']): number {
  return partitions.reduce((sum, { lost }) => sum + lost, 0);
}
