import type { Evidence } from '../evidence.ts';
import { describe } from '../evidence.ts';
import { countUpTo } from '../sorted.ts';
import { type AppliedFault, stoppedSpans } from '../spans.ts';
import type { Violation } from '../violation.ts';

/** What the faults declared, against what happened. */
export function checkDeclarations(evidence: Evidence): Violation[] {
  return [...checkStopped(evidence), ...checkForeign(evidence)];
}

/** A ballot that was sent and accepted while nothing could be accepted. */
function checkStopped({ ballots, faults }: Evidence): Violation[] {
  const spans = stoppedSpans(faults, 'accepting');
  const violations: Violation[] = [];
  for (const ballot of ballots) {
    if (ballot.outcome !== 'ok') continue;
    const span = spans[countUpTo(spans, ballot.invoked, ({ from }) => from) - 1];
    if (!span || ballot.answered > span.to) continue;
    const what = `${ballot.voter}: ${describe(ballot)} was accepted, and nothing could be from ${span.from} to ${span.to} ms`;
    violations.push({ rule: 'stopped-accepts-nothing', what });
  }
  return violations;
}

/** The entries that were put in by hand, in the end and wherever the queue was empty before. */
function checkForeign({ faults, settled, final, end }: Evidence): Violation[] {
  const moments = [...settled, { at: end, since: Number.POSITIVE_INFINITY, partitions: final.partitions }];
  return moments.flatMap(({ at, since, partitions }) => {
    let [least, most] = [0, 0];
    for (const fault of faults) {
      if (fault.begins > at) continue;
      most += fault.foreign ?? 0;
      if (fault.holds < since && !mayVanish(fault, faults)) least += fault.foreign ?? 0;
    }
    const found = partitions.reduce((sum, { foreignEntries }) => sum + foreignEntries, 0);
    if (found >= least && found <= most) return [];
    const declared = least === most ? `${most}` : `${least} to ${most}`;
    const what = `${found} foreign entries were found by ${at} ms, and ${declared} put in by hand`;
    return [{ rule: 'foreign-is-declared', what }];
  });
}

/** A fault that makes Redis lose ballots may take entries of other hands along that are not processed yet. */
function mayVanish(own: AppliedFault, faults: readonly AppliedFault[]): boolean {
  return faults.some(
    ({ loses, holds, reachesFrom }) => loses && own.begins <= holds && own.holds >= reachesFrom,
  );
}
