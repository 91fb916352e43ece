import type { Evidence } from '../evidence.ts';
import { describe } from '../evidence.ts';
import { countUpTo } from '../sorted.ts';
import { stoppedSpans } from '../spans.ts';
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

function checkForeign({ faults, final }: Evidence): Violation[] {
  const declared = faults.reduce((sum, { foreign }) => sum + (foreign ?? 0), 0);
  const found = final.partitions.reduce((sum, { foreignEntries }) => sum + foreignEntries, 0);
  // A fault that makes Redis lose ballots may take entries of other hands along.
  const fewer = found < declared && faults.some(({ loses }) => loses);
  if (found === declared || fewer) return [];
  return [
    {
      rule: 'foreign-is-declared',
      what: `${found} foreign entries were found, and ${declared} put in by hand`,
    },
  ];
}
