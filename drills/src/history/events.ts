import type { Freshness, ReceiptStatus } from '@hbf/contracts/tally';

/**
 * The history of a drill: one event a line, as JSON, in the order in which they happened. `at` is in milliseconds
 * since the drill began, on one monotonic clock.
 */
export type HistoryEvent =
  | DrillBegins
  | BallotEvent
  | PageSees
  | FaultEvent
  | Settled
  | Books
  | Standstill
  | Note;

/** The first line. */
export type DrillBegins = {
  type: 'drill';
  at: number;
  drill: string;
  seed: string;
  /** Where it ran: `local` processes, or containers of `compose`. */
  on: 'local' | 'compose';
  startedAt: string;
};

/** A ballot is invoked, and later ended by one of the others; one that is never ended is unknown. */
export type BallotEvent = Invoked | Accepted | Failed | Unknown;

/** A voter sends a ballot. `ballot` numbers the ballots of a drill. */
export type Invoked = {
  type: 'invoke';
  at: number;
  ballot: number;
  voter: string;
  poll: string;
  choices: string[];
};
/** "Accepted", with the receipt. */
export type Accepted = { type: 'ok'; at: number; ballot: number; receipt: string };
/** Surely not accepted; `answer` is the problem's type, or the error's code where nothing was sent. */
export type Failed = { type: 'fail'; at: number; ballot: number; answer: string };
/** "Could not confirm", or no answer at all. */
export type Unknown = { type: 'unknown'; at: number; ballot: number; answer: string };

/** What a page shows: the server's word, or `silent` when it heard nothing for 5 s and says so by itself. */
export type Shown = Freshness | 'silent';

/** A connected page shows something else than before. */
export type PageSees = {
  type: 'page';
  at: number;
  page: string;
  poll: string;
  shows: Shown;
  turnout: number;
  queued: number;
  phase: string;
  /** By option, in the poll's order; null while results are hidden. */
  votes: (number | null)[];
};

/** What is impossible while a fault holds, so that a page or an answer that says otherwise is a lie. */
export type Stopped = 'accepting' | 'recording';

/**
 * A fault of the nemesis. `begins` just before it is applied, `holds` when it is surely in force, `heals` just before
 * it is taken back, `healed` when that is done.
 */
export type FaultEvent = {
  type: 'fault';
  at: number;
  /** Numbers the faults of a drill. */
  fault: number;
  name: string;
  phase: 'begins' | 'holds' | 'heals' | 'healed';
  /** What is impossible from `holds` to `heals`, for every partition. */
  stops?: Stopped[];
  /** Redis loses what it holds at some moment from `begins` to `holds`: queued ballots may be lost, and only then. */
  loses?: true;
  /** PostgreSQL refuses ballots with this choice: they may be rejected, and only they. */
  poisons?: string;
  /**
   * The pages of these replicas of result may hear nothing: what they show may be older by as long as a page waits before
   * it says `silent`.
   */
  deafens?: readonly string[];
  /**
   * Result reads nothing from `holds` to `heals`, and is to tell its pages so. Not of what also stops recording, which
   * asks as much of every page.
   */
  blinds?: true;
  /** This poll is closed in every partition at `holds`: no ballot that is sent later is accepted. */
  closes?: string;
  /** A store cannot be reached, or is of no use, from `holds` to `heals`: voters are to be answered in time all the same. */
  storeAway?: true;
  /** It may keep voters from vote, or vote from answering: no answer in time is promised until it has recovered. */
  touchesVote?: true;
  /** How many entries are put into the streams by hand. */
  foreign?: number;
};

/**
 * Every ballot that was answered before `since` is processed, while voters go on. A loss that comes later is no excuse for
 * one of them, and the books add up here.
 */
export type Settled = { type: 'settled'; at: number; since: number; partitions: FinalState['partitions'] };

/** The books as they stood at one moment from `since` to `at`: read about once a second, whenever PostgreSQL answers. */
export type Books = { type: 'books'; at: number; since: number; partitions: FinalState['partitions'] };

/** The drills' own process did nothing for so long (ms), and wrote down late what happened meanwhile. No rule looks at it. */
export type Standstill = { type: 'standstill'; at: number; ms: number };

/** For the reader of a history; no rule looks at it. What is `toReport` stands below the tables, too. */
export type Note = { type: 'note'; at: number; text: string; toReport?: true };

/** What the system ended up with, when everything is healed and nothing is queued. */
export type FinalState = {
  /** The ballots that count. `voter` is the pseudonym, in hex. */
  ballots: { poll: string; voter: string; choices: string[] }[];
  /** As result tells it. */
  tallies: { poll: string; votes: Record<string, number>; turnout: number; status: Freshness }[];
  /** A voter's pseudonym in the poll, in hex, by the voter's name. */
  voters: Record<string, { poll: string; pseudonym: string }>;
  /** What result says of each receipt of the history. */
  receipts: Record<string, ReceiptStatus['status'] | 'unknown-receipt'>;
  /**
   * The rows of `partitions`, in the end. `lost` is what was acknowledged as lost; `isLowerBound` whether more may be, by
   * the row itself or by any of its acknowledged losses.
   */
  partitions: {
    partition: number;
    accepted: number;
    recorded: number;
    superseded: number;
    rejected: number;
    lost: number;
    drift: number;
    isLowerBound: boolean;
    foreignEntries: number;
  }[];
  /** What `worker recount` said, and its exit code. */
  recount: { code: number | null; output: string };
  /** The sum of the workers' `ballot_partitions_owned`. */
  ownedPartitions: number;
  /** What each page that is connected shows last. */
  pages: { page: string; poll: string; shows: Shown; turnout: number; votes: (number | null)[] }[];
  /** Services that ended although nobody ended them: name and how. */
  deaths: string[];
};
