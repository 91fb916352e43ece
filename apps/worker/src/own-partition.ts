import { notePollClosing, readClosings } from '@hbf/ballot-store/close-poll';
import { openSession, type Session } from '@hbf/ballot-store/connection';
import { beat } from '@hbf/ballot-store/heartbeat';
import { movePosition } from '@hbf/ballot-store/move-position';
import { type OwnedPartition, takePartition } from '@hbf/ballot-store/own-partition';
import type { StoredSystem } from '@hbf/ballot-store/system';
import { connectRedis, untilReady, within } from '@hbf/ballot-stream/connection';
import type { ReadEntry } from '@hbf/ballot-stream/entry';
import { compareEntryIds } from '@hbf/ballot-stream/entry-id';
import {
  closePoll,
  EpochSuperseded,
  type PartitionView,
  peekPartition,
  publishDefinitions,
  readEntries,
  trimPartition,
} from '@hbf/ballot-stream/partition';
import { createRedisClock } from '@hbf/ballot-stream/redis-clock';
import type { Logger } from '@hbf/service-kit/logger';
import type { Redis } from 'ioredis';
import type { Reach } from './failpoint.ts';
import type { WorkerMetrics } from './metrics.ts';
import { type BatchPlan, planBatch } from './plan-batch.ts';
import {
  NotDurable,
  preparePartition,
  publishPartitionPolls,
  requireDurability,
} from './prepare-partition.ts';
import type { Publication } from './publication.ts';
import { PositionMoved, recordBatch } from './record-batch.ts';
import { SystemMismatch } from './system-match.ts';

// Short, so that a partition that is given up is free soon.
const BLOCK_MS = 200;
const ENTRIES_PER_READ = 256;
const BALLOTS_PER_BATCH = 4_000;
const HEARTBEAT_MS = 1_000;
const ANSWER_WITHIN_MS = 1_000;
const PAUSE_AFTER_FAILURE_MS = 200;
const STATEMENT_TIMED_OUT = '57014';

export type OwnerDeps = {
  databaseUrl: string;
  redisUrl: string;
  /** Shared by the owners of this process; never used for a command that blocks. */
  redis: Redis;
  system: StoredSystem;
  publication: Publication;
  redisDurabilityAssumed: boolean;
  metrics: WorkerMetrics;
  reach: Reach;
  log: Logger;
};

/** A partition that this process owns, or tries to. */
export type Owner = {
  readonly partition: number;
  /** Resolves when the partition is no longer owned, for whatever reason; rejects only with SystemMismatch. */
  readonly ended: Promise<void>;
  /** Finishes the batch in hand and gives the partition up. */
  release(): Promise<void>;
};

/**
 * Takes a partition over, if it is free, and carries its ballots from Redis to PostgreSQL until it is released, its
 * session is lost, or somebody else took it over.
 */
export function ownPartition(deps: OwnerDeps, partition: number): Owner {
  let releasing = false;
  const ended = (async () => {
    const session = await openSession(deps.databaseUrl, `hbf-worker-partition-${partition}`);
    try {
      const owned = await takePartition(session, partition);
      if (owned) await carry(deps, session, partition, owned, () => releasing);
    } finally {
      await session.close();
    }
  })().catch((error: unknown) => {
    if (error instanceof SystemMismatch) throw error;
    deps.log.warn({ err: error, partition }, 'the partition is no longer owned');
  });
  return {
    partition,
    ended,
    release() {
      releasing = true;
      return ended;
    },
  };
}

async function carry(
  deps: OwnerDeps,
  session: Session,
  partition: number,
  owned: OwnedPartition,
  releasing: () => boolean,
): Promise<void> {
  const { redis, publication, metrics, reach } = deps;
  const log = deps.log.child({ partition, epoch: owned.epoch });
  const clock = createRedisClock();
  const closings = await readClosings(session, partition);
  let { position, accepted, appended } = owned;
  let ballotsPerBatch = BALLOTS_PER_BATCH;
  let publishedRevision = -1;
  let lastBeat = Number.NEGATIVE_INFINITY;
  let drift = 0;
  let failing = '';

  // The run of Redis that the partition is open for; undefined: it must be prepared before anything else.
  let openFor: string | undefined;
  let connections = 0;
  const onClose = () => {
    connections += 1;
    setOpen(undefined);
  };
  const setOpen = (runId: string | undefined) => {
    if ((openFor === undefined) !== (runId === undefined))
      metrics.ownedPartitions.inc(runId === undefined ? -1 : 1);
    openFor = runId;
  };
  const reader = connectRedis(deps.redisUrl, () => {});
  reader.on('close', onClose);
  redis.on('close', onClose);

  try {
    while (!releasing()) {
      if (session.lost) throw session.lost;
      try {
        const notDurable = openFor === undefined ? await prepare() : undefined;
        // Not known to be this system's Redis: nothing of it may be counted.
        if (openFor === undefined && !notDurable) continue;
        // Shut or not: what was accepted before must not wait in a store that could lose it.
        await turn();
        if (notDurable) throw notDurable;
        if (failing) log.info('carrying ballots again');
        failing = '';
      } catch (error) {
        if (session.lost) throw session.lost;
        if (
          error instanceof EpochSuperseded ||
          error instanceof PositionMoved ||
          error instanceof SystemMismatch
        ) {
          throw error;
        }
        // A batch that takes too long (a slow disk) is tried again in smaller pieces.
        if ((error as { code?: string }).code === STATEMENT_TIMED_OUT) {
          ballotsPerBatch = Math.max(1, Math.floor(ballotsPerBatch / 4));
        }
        const message = (error as Error).message;
        if (failing !== message) log.warn({ err: error }, `ballots stay queued: ${message}`);
        failing = message;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
      }
    }
  } finally {
    setOpen(undefined);
    redis.off('close', onClose);
    reader.disconnect();
    for (const gauge of [metrics.queueLength, metrics.queueAge, metrics.drift]) gauge.remove({ partition });
  }

  /** @returns why the partition had to stay shut, if it had to. */
  async function prepare(): Promise<NotDurable | undefined> {
    const connection = connections;
    await untilReady(reader, ANSWER_WITHIN_MS);
    let runId: string;
    try {
      runId = await within(
        3 * ANSWER_WITHIN_MS,
        preparePartition({ ...deps, session, log }, { partition, epoch: owned.epoch, position, appended }),
        'preparing the partition',
      );
    } catch (error) {
      if (error instanceof NotDurable && connection === connections) return error;
      throw error;
    }
    // If a connection was replaced meanwhile, this was perhaps another run of Redis: prepare again.
    if (connection !== connections) return undefined;
    publishedRevision = publication.revision;
    setOpen(runId);
    await heartbeat();
    return undefined;
  }

  async function turn(): Promise<void> {
    const readFrom = position;
    const entries = await within(
      BLOCK_MS + ANSWER_WITHIN_MS,
      readEntries(reader, partition, position, ENTRIES_PER_READ, BLOCK_MS),
      'reading the stream',
    ).catch((error: Error) => {
      // A read that was given up may still answer: the connection must not be used for another one.
      reader.disconnect(true);
      throw error;
    });
    // Before the batch: while recording fails, the heartbeat still tells how much is queued, and since when.
    if (openFor !== undefined && performance.now() - lastBeat >= HEARTBEAT_MS) await heartbeat();
    // If the heartbeat found that the stream was cut behind these entries, their place has been passed.
    if (entries.length > 0 && position === readFrom) {
      reach('read');
      await record(firstBallots(entries, ballotsPerBatch));
    }
  }

  async function plan(entries: readonly ReadEntry[]): Promise<BatchPlan> {
    const standing = { partition, partitions: deps.system.partitions, accepted };
    const first = planBatch(entries, { ...standing, polls: publication.byKey });
    if (first.unknownPolls.size === 0) return first;
    // Another worker may have published a poll that this one has not heard of yet.
    await publication.refresh(session);
    return planBatch(entries, { ...standing, polls: publication.byKey });
  }

  async function record(entries: readonly ReadEntry[]): Promise<void> {
    const batch = await plan(entries);
    const result = await recordBatch(session, { partition, epoch: owned.epoch, position }, batch, reach);
    position = batch.to;
    accepted = batch.accepted;
    appended = Math.max(appended, accepted);
    if (batch.missing > 0) {
      log.error(
        { missing: batch.missing, position },
        'accepted ballots are missing in the stream: they show as drift',
      );
    }
    if (result.rejected > 0) {
      log.error(
        { rejected: result.rejected, position },
        'ballots were rejected: see the table rejected_ballots',
      );
    }
    metrics.recorded.inc(result.recorded + result.superseded);
    metrics.superseded.inc(result.superseded);
    metrics.rejected.inc(result.rejected);
    metrics.batchSize.observe(batch.ballots.length + batch.rejections.length);
    const now = clock.now();
    if (now !== undefined) metrics.commitDelay.observe(Math.max(0, now - entryTime(entries[0]!.id)) / 1_000);
    ballotsPerBatch = Math.min(BALLOTS_PER_BATCH, ballotsPerBatch * 2);
    await within(ANSWER_WITHIN_MS, trimPartition(redis, partition, position), 'trimming the stream');
    reach('trimmed');
  }

  async function heartbeat(): Promise<void> {
    const view = await within(
      ANSWER_WITHIN_MS,
      peekPartition(redis, partition, position),
      'looking at the stream',
    );
    lastBeat = performance.now();
    clock.learn(view.now);
    if (view.epoch !== undefined && view.epoch > owned.epoch)
      throw new EpochSuperseded(partition, String(view.epoch));
    if (
      view.runId !== openFor ||
      view.epoch !== owned.epoch ||
      view.accepted === undefined ||
      view.accepted < appended ||
      compareEntryIds(view.newest, position) < 0
    ) {
      log.error('the state of this partition in Redis is gone or another: preparing it again');
      setOpen(undefined);
      return;
    }
    try {
      await requireDurability({ ...deps, session }, partition, owned.epoch);
    } catch (error) {
      setOpen(undefined);
      throw error;
    }
    if (view.firstQueued === undefined) await settle(view, view.accepted);
    appended = Math.max(appended, view.accepted);
    const oldestQueuedMs =
      view.firstQueued === undefined ? null : Math.max(0, view.now - entryTime(view.firstQueued));
    const seen = await beat(session, {
      partition,
      epoch: owned.epoch,
      appended: view.accepted,
      oldestQueuedMs,
    });
    if (seen === undefined) throw new PositionMoved(`partition ${partition} has a later owner`);
    if (seen !== 0 && seen !== drift) log.error({ drift: seen }, 'ballots do not add up: the drift is not 0');
    drift = seen;
    metrics.queueLength.set({ partition }, Math.max(0, view.accepted - accepted));
    metrics.queueAge.set({ partition }, (oldestQueuedMs ?? 0) / 1_000);
    metrics.drift.set({ partition }, drift);
    await closePolls();
    await publishChanges();
  }

  /**
   * Nothing is queued behind the position: whatever the stream's newest id and the total say beyond it will never
   * come. Moving there makes a loss visible at once, lets receipts of lost ballots say so, and lets polls become final.
   */
  async function settle(view: PartitionView, total: number): Promise<void> {
    if (view.newest === position && total <= accepted) return;
    const to = view.newest;
    const next = Math.max(total, accepted);
    if (
      !(await movePosition(session, { partition, epoch: owned.epoch, from: position, to, accepted: next }))
    ) {
      throw new PositionMoved(`partition ${partition} is not at ${position} any more`);
    }
    if (next > accepted) {
      log.error(
        { missing: next - accepted },
        'accepted ballots are no longer in the stream: they show as drift',
      );
    }
    position = to;
    accepted = next;
  }

  async function closePolls(): Promise<void> {
    for (const { poll, closing } of publication.polls) {
      if (closings.has(poll.key) || (poll.closesAt === null && !closing)) continue;
      const newest = await closePoll(redis, partition, owned.epoch, poll.key, closing);
      if (newest === undefined) continue;
      await notePollClosing(session, poll.key, partition, newest);
      closings.add(poll.key);
      log.info({ poll: poll.key, newest }, 'the poll is closed in this partition');
    }
  }

  async function publishChanges(): Promise<void> {
    const { revision } = publication;
    if (publishedRevision === revision) return;
    await publishPartitionPolls(redis, partition, owned.epoch, publication);
    await publishDefinitions(
      redis,
      revision,
      publication.polls.map(({ poll }) => poll),
    );
    publishedRevision = revision;
    log.info({ revision }, 'the polls are published');
  }
}

/** As many entries from the start as hold at most `limit` ballots, and at least one. */
function firstBallots(entries: readonly ReadEntry[], limit: number): readonly ReadEntry[] {
  let ballots = 0;
  for (const [index, entry] of entries.entries()) {
    ballots += entry.kind === 'ballots' ? entry.ballots.length : 1;
    if (ballots > limit) return entries.slice(0, Math.max(1, index));
  }
  return entries;
}

/** When Redis accepted an entry (ms, its clock). */
function entryTime(entryId: string): number {
  return Number(entryId.split('-')[0]);
}
