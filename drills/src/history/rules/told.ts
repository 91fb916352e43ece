import { partitionOf } from '@hbf/contracts/ballot';
import type { Ballot, Evidence } from '../evidence.ts';
import { countUpTo } from '../sorted.ts';

/**
 * What the history knows of a partition's ballots, as times of sending and of answers, sorted: so their numbers at any
 * moment are found without looking at all of them.
 */
export type Told = {
  ok: Times;
  unknown: Times;
  /** Receipts that say so. */
  lost: Times;
  rejected: Times;
  /** Superseded ballots that a fault may have lost before they were recorded: their receipts say superseded too. */
  atRisk: Times;
  /** Unknown ballots that a fault may have lost, or had rejected. */
  maybeLost: Times;
  maybeRejected: Times;
};

type Times = { invoked: number[]; answered: number[] };

/** In the order of `final.partitions`. */
export function tellByPartition({ voters, final }: Evidence): Told[] {
  const none = (): Times => ({ invoked: [], answered: [] });
  const told = final.partitions.map(
    (): Told => ({
      ok: none(),
      unknown: none(),
      lost: none(),
      rejected: none(),
      atRisk: none(),
      maybeLost: none(),
      maybeRejected: none(),
    }),
  );
  const byNumber = new Map(final.partitions.map(({ partition }, index) => [partition, told[index]!]));
  for (const { pseudonym, ballots } of voters.values()) {
    if (pseudonym === undefined) continue;
    const own = byNumber.get(partitionOf(Buffer.from(pseudonym, 'hex'), final.partitions.length));
    if (own) for (const ballot of ballots) note(ballot, own);
  }
  for (const { invoked, answered } of told.flatMap((own) => Object.values(own))) {
    invoked.sort(byTime);
    answered.sort(byTime);
  }
  return told;
}

/**
 * How many there may be in the books.
 * @param since every ballot that was answered before is in them.
 * @param at no ballot that was sent later is in them.
 */
export function boundsOf(told: Told, since: number, at: number) {
  const sent = ({ invoked }: Times) => countUpTo(invoked, at, (time) => time);
  // Infinity is never before anything, and what was never answered is never accepted.
  const answered = (times: Times) => countUpTo(times.answered, since, (time) => time);
  return {
    leastKept: answered(told.ok) - answered(told.lost) - answered(told.atRisk),
    mostKept: sent(told.ok) + sent(told.unknown),
    lost: answered(told.lost),
    mostLost: sent(told.lost) + sent(told.atRisk) + sent(told.maybeLost),
    leastRejected: answered(told.rejected),
    mostRejected: sent(told.rejected) + sent(told.maybeRejected),
  };
}

function note(ballot: Ballot, told: Told): void {
  const { outcome, status, mayBeLost, mayBeRejected } = ballot;
  if (outcome === 'unknown') {
    add(ballot, told.unknown);
    if (mayBeLost) add(ballot, told.maybeLost);
    if (mayBeRejected) add(ballot, told.maybeRejected);
  }
  if (outcome !== 'ok') return;
  add(ballot, told.ok);
  if (status === 'lost') add(ballot, told.lost);
  if (status === 'rejected') add(ballot, told.rejected);
  if (status === 'superseded' && mayBeLost) add(ballot, told.atRisk);
}

function add({ invoked, answered }: Ballot, { invoked: sent, answered: told }: Times): void {
  sent.push(invoked);
  told.push(answered);
}

const byTime = (a: number, b: number): number => a - b;
