import type { Drill } from '../drills/drill.ts';
import type { Fault } from '../faults/fault.ts';
import { lateThenInTime } from '../faults/links.ts';
import { rolledBack } from '../faults/losing-redis.ts';
import { killAtStep, killWorkers, pauseOne } from '../faults/processes.ts';
import { failingFileUnread } from '../faults/refusing-redis.ts';
import type { RuleName } from '../history/violation.ts';
import type { Mutation } from '../system/build-copy.ts';
import type { SystemOptions } from '../system/system.ts';
import {
  acceptEverysec,
  epochsThatDoNotGrow,
  ignoreLocks,
  ignoreTheLossOfTheLock,
  maxlenOnXadd,
  noCompareAndSet,
  noDeadline,
  noGuardOnOrder,
  noRunId,
  positionOutsideTheTransaction,
  trimBeforeTheCommit,
  voterNotInThePrimaryKey,
} from './mechanisms.ts';
import { nothing, twoOwners, twoOwnersInTurns } from './provocations.ts';

/** That a drill notices when a mechanism is gone. */
export type Proof = {
  name: string;
  /** What is switched off. */
  about: string;
  off: readonly Mutation[];
  /**
   * Other safeguards that hold the same promise, and are taken away in both runs: what remains is the mechanism alone.
   */
  besides?: readonly Mutation[];
  /** Only the workers that the drill's fault adds are changed; unset: every service. */
  inAddedWorkers?: true;
  /** Directives of redis.conf that go with what is switched off. */
  redisSettings?: SystemOptions['redisSettings'];
  drill: Drill;
  /** The rules of which at least one must be broken without the mechanism, and none with it. */
  breaks: readonly RuleName[];
};

const drill = (faults: readonly Fault[], rounds: number, more: Partial<Drill> = {}): Drill => ({
  name: 'proof',
  about: 'what shows that the mechanism is gone',
  faults,
  plan: { order: 'in-turn', rounds },
  system: { prepare: [...new Set(faults.flatMap(({ needs }) => needs ?? []))] },
  ...more,
});

const MISSING: readonly RuleName[] = ['nothing-is-missing', 'lost-is-declared'];

export const PROOFS: readonly Proof[] = [
  {
    name: 'fsync-always',
    about: 'every append is on disk before it is answered: with everysec, and a file that fails',
    off: [acceptEverysec],
    redisSettings: { appendfsync: 'everysec' },
    drill: drill([failingFileUnread], 2),
    breaks: MISSING,
  },
  {
    name: 'position-in-the-transaction',
    about: 'the position commits with the ballots: moved in a transaction of its own',
    off: [positionOutsideTheTransaction],
    drill: drill([killAtStep('moved')], 4),
    breaks: MISSING,
  },
  {
    name: 'compare-and-set',
    about: 'the position moves only from where the batch started: moved from wherever it is',
    off: noCompareAndSet,
    besides: [...ignoreLocks, epochsThatDoNotGrow],
    inAddedWorkers: true,
    drill: drill([twoOwners], 2),
    breaks: ['nothing-is-missing'],
  },
  {
    name: 'run-id',
    about: 'an append names the run of Redis that it is meant for: any run takes it',
    off: [noRunId],
    drill: drill([rolledBack], 2),
    breaks: ['stopped-accepts-nothing', 'rejected-is-poison', 'receipts-agree', 'last-ok-counts'],
  },
  {
    name: 'deadline',
    about: 'an append that comes late is refused: it runs whenever it comes',
    off: [noDeadline],
    drill: drill([lateThenInTime], 6),
    breaks: ['unknown-once', 'last-ok-counts'],
  },
  {
    name: 'commit-before-trimming',
    about: 'entries are trimmed once they are committed: trimmed before',
    off: [trimBeforeTheCommit],
    drill: drill([killAtStep('recorded')], 4),
    breaks: MISSING,
  },
  {
    name: 'no-maxlen',
    about: 'the stream has no limit of its own: MAXLEN on XADD',
    off: [maxlenOnXadd],
    drill: drill([killWorkers], 1),
    breaks: MISSING,
  },
  {
    name: 'voter-in-the-primary-key',
    about: 'a voter has one row in a poll: the primary key does without the voter',
    off: voterNotInThePrimaryKey,
    drill: drill([nothing], 1),
    breaks: ['one-ballot-a-voter'],
  },
  {
    name: 'guard-on-order',
    about: 'a ballot replaces only an earlier one: it replaces any',
    off: [noGuardOnOrder],
    besides: [...ignoreLocks, epochsThatDoNotGrow, ...noCompareAndSet],
    inAddedWorkers: true,
    // Voters who never vote again: the next ballot would hide what was mixed up.
    drill: drill([twoOwnersInTurns], 3, { load: { restless: 4, hot: 0, newcomersPerSecond: 80 } }),
    breaks: ['last-ok-counts'],
  },
  {
    name: 'loss-of-the-lock',
    about: 'a worker that loses its lock stops at once: it goes on',
    off: [ignoreTheLossOfTheLock],
    besides: [epochsThatDoNotGrow, ...noCompareAndSet],
    drill: drill([pauseOne('worker')], 4),
    breaks: ['nothing-is-missing'],
  },
];
