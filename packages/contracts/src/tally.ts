import type { Phase } from './poll.ts';

/** A tally is `delayed` when the oldest queued ballot is older than this (milliseconds). */
export const DELAYED_AFTER_MS = 2_000;
/** A tally is `stale` when a partition's heartbeat is older than this (milliseconds). */
export const STALE_AFTER_MS = 5_000;
/** A page that heard nothing for this long says so itself (milliseconds). */
export const SILENT_AFTER_MS = 5_000;

/** How far the tally can be trusted to be current: that of the worst partition. */
export type Freshness = 'live' | 'delayed' | 'stale';

/** The answer of `GET /api/polls/:poll/tally` and the payload of the socket's `tally`. */
export type Tally = {
  poll: string;
  question: string;
  /** In the order of the polls file. `votes` is null while the results are hidden. */
  options: { key: string; label: string; votes: number | null }[];
  /** The number of voters whose ballot counts. */
  turnout: number;
  /** ISO 8601: every ballot accepted before this moment is in the tally. */
  asOf: string;
  /** Ballots accepted and not yet recorded (of all polls: a queue is shared). */
  queued: number;
  status: Freshness;
  phase: Phase;
  /** ISO 8601, null where the poll has no bound. */
  opensAt: string | null;
  closesAt: string | null;
};

/** The answer of `GET /api/polls/:poll/turnout`. */
export type TurnoutPoints = {
  poll: string;
  /** By `at` (ISO 8601), the ballots of `voters` voters counted. In order; none before the first voter. */
  points: { at: string; voters: number }[];
};

/** What has become of an accepted ballot. `reason` is there for `rejected` and `lost`. */
export type ReceiptStatus = {
  status: 'queued' | 'counted' | 'superseded' | 'rejected' | 'lost';
  reason?: string;
};

/** The answer of `GET /api/polls/:poll`. */
export type PollView = {
  key: string;
  question: string;
  options: { key: string; label: string }[];
  eligibility: 'open' | 'browser';
  choices: { min: number; max: number };
  results: 'always' | 'after-close';
  phase: 'scheduled' | 'open' | 'closed';
  opensAt: string | null;
  closesAt: string | null;
};
