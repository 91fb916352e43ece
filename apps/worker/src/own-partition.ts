import { readClosings } from '@hbf/ballot-store/close-poll';
import { openSession } from '@hbf/ballot-store/connection';
import { takePartition } from '@hbf/ballot-store/own-partition';
import {
  connectRedis,
  describeRedisFailure,
  readRunId,
  untilReady,
  within,
} from '@hbf/ballot-stream/connection';
import { EpochSuperseded } from '@hbf/ballot-stream/partition';
import { carryBallots, firstBallots, readQueued } from './carry-ballots.ts';
import { ANSWER_WITHIN_MS, type HeldPartition, holdPartition, type OwnerDeps } from './held-partition.ts';
import { keepPartition } from './keep-partition.ts';
import { keepTurnout } from './keep-turnout.ts';
import { NotDurable, preparePartition } from './prepare-partition.ts';
import { PositionMoved } from './record-batch.ts';
import { SystemMismatch } from './system-match.ts';

const BALLOTS_PER_BATCH = 4_000;
const HEARTBEAT_MS = 1_000;
const PAUSE_AFTER_FAILURE_MS = 200;
const STATEMENT_TIMED_OUT = '57014';

/** A partition that this process owns, or tries to. */
export type Owner = {
  readonly partition: number;
  /** Whether it is open for voters, and its first heartbeat is written. */
  readonly carrying: boolean;
  /**
   * Resolves when the partition is not owned, or no longer, with the reason if it was not given up; rejects only with
   * SystemMismatch.
   */
  readonly ended: Promise<Error | undefined>;
  /** Finishes the batch in hand and gives the partition up. */
  release(): Promise<unknown>;
};

/**
 * Takes a partition over, if it is free, and carries its ballots from Redis to PostgreSQL until it is released, its
 * session is lost, or somebody else took it over.
 */
export function ownPartition(deps: OwnerDeps, partition: number): Owner {
  let releasing = false;
  let held: HeldPartition | undefined;
  const ended = (async () => {
    const session = await openSession(deps.databaseUrl, `hbf-worker-partition-${partition}`);
    try {
      const owned = await takePartition(session, partition);
      if (!owned) return undefined;
      const closings = await readClosings(session, partition);
      held = holdPartition(deps, session, partition, owned, closings);
      await carry(deps, held, () => releasing);
      return undefined;
    } finally {
      await session.close();
    }
  })().catch((error: unknown) => {
    if (error instanceof SystemMismatch) throw error;
    return error instanceof Error ? error : new Error(String(error));
  });
  return {
    partition,
    get carrying() {
      return held?.openFor !== undefined && held.lastBeat > Number.NEGATIVE_INFINITY;
    },
    ended,
    release() {
      releasing = true;
      return ended;
    },
  };
}

async function carry(deps: OwnerDeps, held: HeldPartition, releasing: () => boolean): Promise<void> {
  const { redis, metrics } = deps;
  const { partition, session, log } = held;
  let ballotsPerBatch = BALLOTS_PER_BATCH;
  let failing = '';

  let connections = 0;
  const onClose = () => {
    connections += 1;
    held.setOpen(undefined);
  };
  const reader = connectRedis(deps.redisUrl, () => {});
  reader.on('close', onClose);
  redis.on('close', onClose);

  try {
    while (!releasing()) {
      if (session.lost) throw session.lost;
      try {
        const shutBy = held.openFor === undefined ? await prepare() : undefined;
        // Not known to be this system's Redis: nothing of it may be counted.
        if (held.openFor === undefined && !shutBy) {
          await pause();
          continue;
        }
        // Shut or not: what was accepted before must not wait in a store that could lose it, and a store that is full
        // gets room again only in this way.
        await turn();
        if (shutBy) throw shutBy;
        if (failing) log.info('carrying ballots again');
        failing = '';
      } catch (error) {
        if (session.lost) throw session.lost;
        if (isFinal(error)) throw error;
        // A batch that takes too long (a slow disk) is tried again in smaller pieces.
        if ((error as { code?: string }).code === STATEMENT_TIMED_OUT) {
          ballotsPerBatch = Math.max(1, Math.floor(ballotsPerBatch / 4));
        }
        const message = describeRedisFailure(error as Error);
        if (failing !== message) log.warn({ err: error }, `ballots may stay queued: ${message}`);
        failing = message;
        await pause();
      }
    }
    // Otherwise the voters of the last seconds would seem to have come when the next owner takes over.
    held.turnout.notBefore = Number.NEGATIVE_INFINITY;
    await keepTurnout(held);
  } finally {
    held.setOpen(undefined);
    redis.off('close', onClose);
    reader.disconnect();
    for (const gauge of metrics.perPartition) gauge.remove({ partition });
  }

  /** @returns why the partition had to stay shut, if it had to. */
  async function prepare(): Promise<Error | undefined> {
    const connection = connections;
    await untilReady(reader, ANSWER_WITHIN_MS);
    const readsFrom = await within(ANSWER_WITHIN_MS, readRunId(reader), 'INFO');
    let runId: string;
    try {
      runId = await within(
        3 * ANSWER_WITHIN_MS,
        preparePartition({ ...deps, session, log }, held),
        'preparing the partition',
      );
    } catch (error) {
      if (connection === connections && (error instanceof NotDurable || isOutOfMemory(error))) return error;
      throw error;
    }
    // If a connection was replaced meanwhile, this was perhaps another run of Redis: prepare again.
    if (connection !== connections) return undefined;
    if (readsFrom !== runId) throw new Error('the connections to Redis lead to different servers');
    held.publishedRevision = deps.publication.revision;
    held.setOpen(runId);
    await heartbeat();
    return undefined;
  }

  async function turn(): Promise<void> {
    const readFrom = held.position;
    const entries = await readQueued(reader, held);
    // Before the batch: while recording fails, the heartbeat still tells how much is queued, and since when.
    if (held.openFor !== undefined && performance.now() - held.lastBeat >= HEARTBEAT_MS) await heartbeat();
    // Behind the heartbeat: that must not wait for it.
    await keepTurnout(held);
    // If the heartbeat found that the stream was cut behind these entries, their place has been passed.
    if (entries.length === 0 || held.position !== readFrom) return;
    deps.reach('read');
    await carryBallots(deps, held, firstBallots(entries, ballotsPerBatch));
    ballotsPerBatch = Math.min(BALLOTS_PER_BATCH, ballotsPerBatch * 2);
  }

  async function heartbeat(): Promise<void> {
    await keepPartition(deps, held);
    held.lastBeat = performance.now();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
}

/** Redis is at its memory limit and takes nothing more. It has told which system it belongs to before that. */
function isOutOfMemory(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith('OOM ');
}

/** Whether an error means that this partition is not ours to carry any more. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof EpochSuperseded || error instanceof PositionMoved || error instanceof SystemMismatch
  );
}
