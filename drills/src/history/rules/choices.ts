import { describe, type Evidence, lastOkInvoked, mayCount, type Voter } from '../evidence.ts';
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
export function judgeChoices(voter: Voter): Violation | undefined {
  const { name, ballots, counted } = voter;
  if (counted.length > 1) {
    return {
      rule: 'one-ballot-a-voter',
      what: `${name}: ${counted.length} ballots count: ${counted.join(', ')}`,
    };
  }
  const lastOk = lastOkInvoked(voter);
  const allowed = ballots.filter((ballot) => mayCount(ballot, lastOk));
  const may = allowed.map(describe).join(' or ') || 'nothing';
  const [choices] = counted;
  if (choices === undefined) {
    if (lastOk === Number.NEGATIVE_INFINITY) return undefined;
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

/**
 * Rows of nobody whose pseudonym is known. Pseudonyms are known from receipts, so a row may be an unknown ballot's whose
 * voter never had one accepted: there must be as many such voters.
 */
function checkStrangers({ strangers, voters }: Evidence): Violation[] {
  if (strangers.length === 0) return [];
  const free = new Map<string, Voter[]>();
  for (const voter of voters.values()) {
    if (voter.pseudonym !== undefined) continue;
    const unknown = voter.ballots.filter(({ outcome }) => outcome === 'unknown');
    for (const choices of new Set(unknown.map((ballot) => ballot.choices))) {
      const key = `${voter.poll} ${choices}`;
      const group = free.get(key);
      if (group) group.push(voter);
      else free.set(key, [voter]);
    }
  }
  // Whoever sent one kind of ballot only is taken first, so that those who may stand for several are left for the rest.
  for (const group of free.values()) group.sort((a, b) => a.ballots.length - b.ballots.length);
  const taken = new Set<Voter>();
  const seen = new Set<string>();
  const violations: Violation[] = [];
  for (const { poll, voter: pseudonym, choices } of strangers) {
    const row = `${poll} ${pseudonym}`;
    if (seen.has(row)) {
      violations.push({
        rule: 'one-ballot-a-voter',
        what: `${pseudonym} in ${poll} has several ballots that count`,
      });
      continue;
    }
    seen.add(row);
    const group = free.get(`${poll} ${choices}`) ?? [];
    while (group.length > 0 && taken.has(group[0]!)) group.shift();
    const voter = group.shift();
    if (voter) taken.add(voter);
    else {
      const what = `${choices} counts in ${poll} for ${pseudonym}, and no voter who may be that sent it`;
      violations.push({ rule: 'counted-was-sent', what });
    }
  }
  return violations;
}
