import type { Session } from '@hbf/ballot-store/connection';
import type { OwnedPartition } from '@hbf/ballot-store/own-partition';
import type { StoredSystem } from '@hbf/ballot-store/system';
import { createRedisClock, type RedisClock } from '@hbf/ballot-stream/redis-clock';
import type { Logger } from '@hbf/service-kit/logger';
import type { Redis } from 'ioredis';
import type { Reach } from './failpoint.ts';
import { createKeptTurnout, type KeptTurnout } from './keep-turnout.ts';
import type { WorkerMetrics } from './metrics.ts';
import type { Publication } from './publication.ts';

/** How long Redis may take to answer a command that does not block (ms). */
export const ANSWER_WITHIN_MS = 1_000;

// Small at first: nothing is known of how full the entries are.
const FIRST_ENTRIES_PER_READ = 64;

/** What all owners of this process share. */
export type OwnerDeps = {
  databaseUrl: string;
  redisUrl: string;
  /** Never used for a command that blocks. */
  redis: Redis;
  system: StoredSystem;
  publication: Publication;
  redisDurabilityAssumed: boolean;
  metrics: WorkerMetrics;
  reach: Reach;
  log: Logger;
};

/** A partition while this process owns it: what is known of it, and what it is worked with. */
export type HeldPartition = {
  readonly partition: number;
  readonly epoch: number;
  /** Holds the lock, and runs everything that this owner does in PostgreSQL. */
  readonly session: Session;
  readonly clock: RedisClock;
  readonly log: Logger;
  /** The id of the last processed entry. */
  position: string;
  /** The accepted total there. */
  accepted: number;
  /** The highest accepted total that was ever seen. */
  appended: number;
  /** Polls whose closing this partition has noted. */
  readonly closings: Set<string>;
  /** The revision of the polls that Redis has from us. */
  publishedRevision: number;
  drift: number;
  /** When the last heartbeat was written (ms, our monotonic clock). */
  lastBeat: number;
  /** What is left to note of how the turnout grew. */
  readonly turnout: KeptTurnout;
  /** The first queued entry, and since when we see it there (ms, our monotonic clock). */
  front: { id: string; since: number } | undefined;
  /** How many entries to read at once: about as many as hold a batch of ballots. */
  entriesPerRead: number;
  /** The run of Redis that it is open for; undefined: it must be prepared before it is used. */
  readonly openFor: string | undefined;
  setOpen(runId: string | undefined): void;
};

export function holdPartition(
  deps: OwnerDeps,
  session: Session,
  partition: number,
  owned: OwnedPartition,
  closings: Set<string>,
): HeldPartition {
  let openFor: string | undefined;
  return {
    partition,
    epoch: owned.epoch,
    session,
    clock: createRedisClock(),
    log: deps.log.child({ partition, epoch: owned.epoch }),
    position: owned.position,
    accepted: owned.accepted,
    appended: owned.appended,
    closings,
    publishedRevision: -1,
    drift: 0,
    lastBeat: Number.NEGATIVE_INFINITY,
    turnout: createKeptTurnout(),
    front: undefined,
    entriesPerRead: FIRST_ENTRIES_PER_READ,
    get openFor() {
      return openFor;
    },
    setOpen(runId) {
      const change = Number(runId !== undefined) - Number(openFor !== undefined);
      if (change !== 0) deps.metrics.ownedPartitions.inc(change);
      openFor = runId;
    },
  };
}
