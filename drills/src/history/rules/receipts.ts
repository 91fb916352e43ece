import { partitionOf } from '@hbf/contracts/ballot';
import {
  type Ballot,
  describe,
  type Evidence,
  isExcused,
  lastOkOf,
  mayCount,
  type VoterRecord,
} from '../evidence.ts';
import type { Violation } from '../violation.ts';
import { judgeChoices } from './choices.ts';

/** What each receipt says, against what counts. */
export function checkReceipts({ voters, ballots, final }: Evidence): Violation[] {
  const wrong: string[] = [];
  const holders = new Map<string, Ballot>();
  for (const ballot of ballots) {
    if (ballot.receipt === undefined) continue;
    const { told } = ballot;
    const place = told ? `${told.partition} ${ballot.position}` : ballot.receipt;
    const other = holders.get(place);
    if (other)
      wrong.push(
        `${other.voter}: ${describe(other)} and ${ballot.voter}'s ${describe(ballot)} have one position`,
      );
    holders.set(place, ballot);
  }
  const partitions = final.partitions.length;
  for (const voter of voters.values()) {
    const found = [
      ...misdirected(voter, partitions),
      ...disordered(voter),
      ...impossible(voter),
      ...contradictions(voter),
    ];
    for (const what of found) wrong.push(`${voter.name}: ${what}`);
  }
  return wrong.map((what) => ({ rule: 'receipts-agree', what }));
}

/** Receipts that are none, or not of this voter. */
function* misdirected({ poll, pseudonym, ballots }: VoterRecord, partitions: number): Generator<string> {
  // That is told of the history itself.
  if (pseudonym === undefined) return;
  const own = { poll, voter: pseudonym, partition: partitionOf(Buffer.from(pseudonym, 'hex'), partitions) };
  for (const ballot of ballots) {
    if (ballot.receipt === undefined) continue;
    const { told } = ballot;
    if (!told) {
      yield `what ${describe(ballot)} was given is no receipt: ${ballot.receipt}`;
    } else if (
      told.poll !== own.poll ||
      told.voter.toString('hex') !== own.voter ||
      told.partition !== own.partition
    ) {
      const of = `${told.voter.toString('hex')} in ${told.poll}, partition ${told.partition}`;
      yield `the receipt of ${describe(ballot)} is of ${of}, and not of ${own.voter} in ${own.poll}, partition ${own.partition}`;
    }
  }
}

/** Positions against times: a ballot that was answered before another was sent comes first. */
function* disordered({ ballots }: VoterRecord): Generator<string> {
  const placed = ballots
    .filter(({ position }) => position !== undefined)
    .sort((a, b) => (a.position! < b.position! ? -1 : 1));
  let latest: Ballot | undefined;
  for (const ballot of placed) {
    if (latest && ballot.answered < latest.invoked) {
      yield `${describe(ballot)} comes behind ${describe(latest)} by their positions, and was answered before that was sent`;
    }
    if (!latest || ballot.invoked > latest.invoked) latest = ballot;
  }
}

/** What no receipt may say in the end, whatever counts. */
function* impossible({ ballots }: VoterRecord): Generator<string> {
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
function* contradictions(voter: VoterRecord): Generator<string> {
  if (judgeChoices(voter)) return;
  const lastOk = lastOkOf(voter);
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
