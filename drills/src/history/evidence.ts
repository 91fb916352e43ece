import type { FinalState, HistoryEvent, PageSees } from './events.ts';
import { groupBy } from './sorted.ts';
import { type Fault, readFaults } from './spans.ts';

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
  /** What result says of the receipt in the end. */
  status?: FinalState['receipts'][string];
  /** Declared faults may have lost it, or had it rejected. */
  mayBeLost: boolean;
  mayBeRejected: boolean;
};

/** A voter, who votes in one poll, with the choices that count in the end (several: a broken promise). */
export type Voter = { name: string; poll: string; pseudonym?: string; ballots: Ballot[]; counted: string[] };

/** A history and its outcome, sorted out for the rules. */
export type Evidence = {
  history: readonly HistoryEvent[];
  final: FinalState;
  ballots: readonly Ballot[];
  voters: ReadonlyMap<string, Voter>;
  /** Rows of `ballots` that belong to no voter whose pseudonym is known. */
  strangers: { poll: string; voter: string; choices: string }[];
  faults: readonly Fault[];
  /** What each page showed, in order. */
  pages: ReadonlyMap<string, PageSees[]>;
  /** The time of the last event. */
  end: number;
};

export function sortOut(history: readonly HistoryEvent[], final: FinalState): Evidence {
  const faults = readFaults(history);
  const ballots = readBallots(history, final, faults);
  const voters = new Map<string, Voter>();
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
  const byPseudonym = new Map<string, Voter>();
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
  return { history, final, ballots, voters, strangers, faults, pages, end: history.at(-1)?.at ?? 0 };
}

function readBallots(
  history: readonly HistoryEvent[],
  final: FinalState,
  faults: readonly Fault[],
): Ballot[] {
  const ballots = new Map<number, Ballot>();
  const lossy = faults.filter(({ loses }) => loses);
  const poisonous = faults.filter(({ poisons }) => poisons !== undefined);
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
        // Not by its answer: that may be late, where vote itself was stopped after Redis had accepted the ballot.
        mayBeLost: lossy.some(({ heals }) => invoked <= heals),
        mayBeRejected: poisonous.some(
          ({ poisons, healed }) => choices.includes(poisons!) && invoked <= healed,
        ),
      });
    } else if (event.type === 'ok' || event.type === 'fail' || event.type === 'unknown') {
      const ballot = ballots.get(event.ballot);
      if (!ballot || ballot.answered < Number.POSITIVE_INFINITY) continue;
      ballot.answered = event.at;
      ballot.outcome = event.type;
      if (event.type === 'ok') {
        ballot.receipt = event.receipt;
        ballot.status = Object.hasOwn(final.receipts, event.receipt)
          ? final.receipts[event.receipt]!
          : 'unknown-receipt';
      }
    }
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

/** When the last accepted ballot of a voter that must have an effect was sent; -Infinity if there is none. */
export function lastOkInvoked(voter: Voter): number {
  let last = Number.NEGATIVE_INFINITY;
  for (const ballot of voter.ballots) {
    if (ballot.outcome === 'ok' && !isExcused(ballot)) last = Math.max(last, ballot.invoked);
  }
  return last;
}

/**
 * Whether a ballot may be the one that counts: it may have been accepted, and no accepted one was sent after its
 * answer. Two ballots that overlap in time (two tabs) may come in either order.
 */
export function mayCount(ballot: Ballot, lastOk: number): boolean {
  return ballot.outcome !== 'fail' && lastOk <= ballot.answered;
}

/** A ballot in a message: enough to find it in the history. */
export function describe({ number, choices, outcome, invoked, answered }: Ballot): string {
  const until = answered < Number.POSITIVE_INFINITY ? ` to ${answered}` : ', never answered';
  return `ballot ${number} (${choices}, ${outcome}, ${invoked}${until} ms)`;
}
