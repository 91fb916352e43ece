import { describe, type Evidence, lastOkOf, mayCount, type VoterRecord } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/** What counts of each voter. */
export function checkChoices(evidence: Evidence): Violation[] {
  const violations = checkStrangers(evidence);
  for (const voter of evidence.voters.values()) {
    const violation = judgeChoices(voter);
    if (violation) violations.push(violation);
  }
  return violations;
}

/**
 * Judges what counts of a voter. Stored choices do not tell which ballot they came with: they are right if any ballot
 * that may count has them.
 */
export function judgeChoices(voter: VoterRecord): Violation | undefined {
  const { name, ballots, counted } = voter;
  if (counted.length > 1) {
    return {
      rule: 'one-ballot-a-voter',
      what: `${name}: ${counted.length} ballots count: ${counted.join(', ')}`,
    };
  }
  const lastOk = lastOkOf(voter);
  const allowed = ballots.filter((ballot) => mayCount(ballot, lastOk));
  const may = allowed.map(describe).join(' or ') || 'nothing';
  const [choices] = counted;
  if (choices === undefined) {
    if (lastOk.invoked === Number.NEGATIVE_INFINITY) return undefined;
    return { rule: 'last-ok-counts', what: `${name}: no ballot counts, and one must: ${may}` };
  }
  if (allowed.some((ballot) => ballot.choices === choices)) return undefined;
  const same = ballots.filter((ballot) => ballot.choices === choices);
  if (same.length === 0) {
    return {
      rule: 'counted-was-sent',
      what: `${name}: ${choices} counts, and was never sent; ${may} may count`,
    };
  }
  const what = `${name}: ${choices} counts, as in ${same.map(describe).join(' or ')}; only ${may} may`;
  const outcomes = new Set(same.map(({ outcome }) => outcome));
  if (outcomes.has('ok')) return { rule: 'last-ok-counts', what };
  return { rule: outcomes.has('unknown') ? 'unknown-once' : 'failed-never-counts', what };
}

/** Every voter is known by the first ballot that was sent: a row of anybody else was put there by nobody. */
function checkStrangers({ strangers }: Evidence): Violation[] {
  return strangers.map(({ poll, voter, choices }) => ({
    rule: 'counted-was-sent',
    what: `${choices} counts in ${poll} for ${voter}, who is no voter`,
  }));
}
