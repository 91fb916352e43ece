import {
  type Ballot,
  describe,
  type Evidence,
  isExcused,
  lastOkInvoked,
  mayCount,
  type Voter,
} from '../evidence.ts';
import type { Violation } from '../violation.ts';
import { judgeChoices } from './choices.ts';

/** What each receipt says, against what counts. */
export function checkReceipts({ voters, ballots }: Evidence): Violation[] {
  const wrong: string[] = [];
  const holders = new Map<string, Ballot>();
  for (const ballot of ballots) {
    if (ballot.receipt === undefined) continue;
    const other = holders.get(ballot.receipt);
    if (other) wrong.push(`${other.voter}: ${describe(other)} and ${describe(ballot)} have the same receipt`);
    holders.set(ballot.receipt, ballot);
  }
  for (const voter of voters.values()) {
    for (const what of [...impossible(voter), ...contradictions(voter)]) wrong.push(`${voter.name}: ${what}`);
  }
  return wrong.map((what) => ({ rule: 'receipts-agree', what }));
}

/** What no receipt may say in the end, whatever counts. */
function* impossible({ ballots }: Voter): Generator<string> {
  for (const ballot of ballots) {
    const { outcome, status } = ballot;
    if (outcome !== 'ok' || status === 'counted' || status === 'superseded' || isExcused(ballot)) continue;
    const why = {
      queued: 'and nothing should be queued any more',
      'unknown-receipt': 'and it was given by vote',
      lost: 'and no fault can have lost it',
      rejected: 'and no fault can have had it rejected',
    }[status!];
    yield `the receipt of ${describe(ballot)} says ${status}, ${why}`;
  }
}

/** What the receipts of a voter say together. If what counts is wrong in itself, that is told by another rule. */
function* contradictions(voter: Voter): Generator<string> {
  if (judgeChoices(voter)) return;
  const lastOk = lastOkInvoked(voter);
  const choices = voter.counted[0];
  const oks = voter.ballots.filter(({ outcome }) => outcome === 'ok');
  const counted = oks.filter(({ status }) => status === 'counted');
  const superseded = oks.filter(({ status }) => status === 'superseded');
  if (counted.length > 1) {
    yield `the receipts of ${counted.map(describe).join(' and ')} all say counted`;
    return;
  }
  const [winner] = counted;
  if (winner) {
    if (winner.choices !== choices) {
      yield `the receipt of ${describe(winner)} says counted, and ${choices ?? 'nothing'} counts`;
    } else if (!mayCount(winner, lastOk)) {
      yield `the receipt of ${describe(winner)} says counted, and a later ballot was accepted`;
    }
  }
  // Without a receipt that says counted, one of the unknown ballots must be what counts.
  const unknown = voter.ballots.filter(
    (ballot) => ballot.outcome === 'unknown' && ballot.choices === choices && mayCount(ballot, lastOk),
  );
  if (!winner && choices !== undefined && unknown.length === 0) {
    yield `${choices} counts, and no receipt says so: ${oks.map((ok) => `${describe(ok)} is ${ok.status}`).join(', ')}`;
    return;
  }
  // The latest answer decides: a ballot that was answered before another was sent cannot have superseded that.
  let latest = winner?.answered ?? Number.NEGATIVE_INFINITY;
  if (!winner) for (const { answered } of unknown) latest = Math.max(latest, answered);
  for (const ballot of superseded) {
    if (latest >= ballot.invoked) continue;
    yield `the receipt of ${describe(ballot)} says superseded, and no later ballot counts`;
  }
}
