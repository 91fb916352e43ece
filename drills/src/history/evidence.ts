import { peekReceipt, type Receipt } from '@hbf/receipt/receipt';
import type { FinalState, HistoryEvent, PageSees, Settled } from './events.ts';
import { type Position, positionOf } from './position.ts';
import { groupBy } from './sorted.ts';
import { type AppliedFault, mayReach, readFaults, readSettled } from './spans.ts';

/** A ballot with everything that is known of it. */
export type Ballot = {
  number: number;
  voter: string;
  poll: string;
  /** The choices as one word, in one order: two ballots with the same are told apart by nothing that is stored. */
  choices: string;
  invoked: number;
  /** Infinity if it was never answered. */
  answered: number;
  /** One that was never answered is unknown. */
  outcome: 'ok' | 'fail' | 'unknown';
  receipt?: string;
  /** What its receipt tells, and where that says that it is; undefined if it is no receipt. */
  told?: Receipt;
  position?: Position;
  /** What result says of the receipt in the end. */
  status?: FinalState['receipts'][string];
  /** Declared faults may have lost it, or had it rejected. */
  mayBeLost: boolean;
  mayBeRejected: boolean;
};

/** A voter, who votes in one poll, with the choices that count in the end (several: a broken promise). */
export type VoterRecord = {
  name: string;
  poll: string;
  pseudonym?: string;
  ballots: Ballot[];
  counted: string[];
};

/** A history and its outcome, sorted out for the rules. */
export type Evidence = {
  history: readonly HistoryEvent[];
  final: FinalState;
  ballots: readonly Ballot[];
  voters: ReadonlyMap<string, VoterRecord>;
  /** Rows of `ballots` that belong to no voter. */
  strangers: { poll: string; voter: string; choices: string }[];
  faults: readonly AppliedFault[];
  settled: readonly Settled[];
  /** What each page showed, in order. */
  pages: ReadonlyMap<string, PageSees[]>;
  /** The time of the last event. */
  end: number;
};

export function sortOut(history: readonly HistoryEvent[], final: FinalState): Evidence {
  const faults = readFaults(history);
  const ballots = readBallots(history, final, faults);
  const voters = new Map<string, VoterRecord>();
  for (const ballot of ballots) {
    const { voter: name, poll } = ballot;
    let voter = voters.get(name);
    if (!voter) {
      const known = Object.hasOwn(final.voters, name) ? final.voters[name] : undefined;
      voter = { name, poll, ballots: [], counted: [], ...(known && { pseudonym: known.pseudonym }) };
      voters.set(name, voter);
    }
    voter.ballots.push(ballot);
  }
  const byPseudonym = new Map<string, VoterRecord>();
  for (const voter of voters.values()) {
    if (voter.pseudonym !== undefined) byPseudonym.set(`${voter.poll} ${voter.pseudonym}`, voter);
  }
  const strangers: Evidence['strangers'] = [];
  for (const row of final.ballots) {
    const choices = asOneWord(row.choices);
    const voter = byPseudonym.get(`${row.poll} ${row.voter}`);
    if (voter) voter.counted.push(choices);
    else strangers.push({ poll: row.poll, voter: row.voter, choices });
  }
  const pages = groupBy(
    history.filter((event) => event.type === 'page'),
    ({ page }) => page,
  );
  const settled = readSettled(history);
  const end = history.at(-1)?.at ?? 0;
  return { history, final, ballots, voters, strangers, faults, settled, pages, end };
}

function readBallots(
  history: readonly HistoryEvent[],
  final: FinalState,
  faults: readonly AppliedFault[],
): Ballot[] {
  const ballots = new Map<number, Ballot>();
  for (const event of history) {
    if (event.type === 'invoke') {
      const { ballot: number, voter, poll, choices, at: invoked } = event;
      if (ballots.has(number)) continue;
      ballots.set(number, {
        number,
        voter,
        poll,
        choices: asOneWord(choices),
        invoked,
        answered: Number.POSITIVE_INFINITY,
        outcome: 'unknown',
        mayBeLost: false,
        mayBeRejected: false,
      });
    } else if (event.type === 'ok' || event.type === 'fail' || event.type === 'unknown') {
      const ballot = ballots.get(event.ballot);
      if (!ballot || ballot.answered < Number.POSITIVE_INFINITY) continue;
      ballot.answered = event.at;
      ballot.outcome = event.type;
      if (event.type === 'ok') {
        ballot.receipt = event.receipt;
        const told = peekReceipt(event.receipt);
        if (told) Object.assign(ballot, { told, position: positionOf(told) });
        ballot.status = Object.hasOwn(final.receipts, event.receipt)
          ? final.receipts[event.receipt]!
          : 'unknown-receipt';
      }
    }
  }
  const lossy = faults.filter(({ loses }) => loses);
  const poisonous = faults.filter(({ poisons }) => poisons !== undefined);
  for (const ballot of ballots.values()) {
    ballot.mayBeLost = lossy.some((fault) => mayReach(fault, ballot, fault.holds));
    ballot.mayBeRejected = poisonous.some(
      (fault) => ballot.choices.split('+').includes(fault.poisons!) && mayReach(fault, ballot, fault.healed),
    );
  }
  return [...ballots.values()];
}

function asOneWord(choices: readonly string[]): string {
  return [...choices].sort().join('+');
}

/** Whether a receipt says that the ballot is gone, and declared faults permit that. */
export function isExcused({ status, mayBeLost, mayBeRejected }: Ballot): boolean {
  return (status === 'lost' && mayBeLost) || (status === 'rejected' && mayBeRejected);
}

/** The last of the accepted ballots of a voter that must have an effect, by its time and by its position. */
export type LastOk = { invoked: number; position?: Position };

/** `invoked` is -Infinity if there is none. */
export function lastOkOf(voter: VoterRecord): LastOk {
  const last: LastOk = { invoked: Number.NEGATIVE_INFINITY };
  for (const ballot of voter.ballots) {
    if (ballot.outcome !== 'ok' || isExcused(ballot)) continue;
    const { invoked, position } = ballot;
    last.invoked = Math.max(last.invoked, invoked);
    if (position !== undefined && position > (last.position ?? '')) last.position = position;
  }
  return last;
}

/**
 * Whether a ballot may be the one that counts: it may have been accepted, and no accepted one came after it. Of two
 * ballots that overlap in time (two tabs) the positions in their receipts tell which; one without a receipt may come in
 * either order.
 */
export function mayCount({ outcome, answered, position }: Ballot, lastOk: LastOk): boolean {
  if (outcome === 'fail' || answered < lastOk.invoked) return false;
  return position === undefined || lastOk.position === undefined || position >= lastOk.position;
}

/** A ballot in a message: enough to find it in the history. */
export function describe({ number, choices, outcome, invoked, answered }: Ballot): string {
  const until = answered < Number.POSITIVE_INFINITY ? ` to ${answered}` : ', never answered';
  return `ballot ${number} (${choices}, ${outcome}, ${invoked}${until} ms)`;
}
