import { openSession, type Session } from '@hbf/ballot-store/connection';
import { joinWorkers, readMembership, shareOf } from '@hbf/ballot-store/membership';
import { readSystem as readStoredSystem, type StoredSystem } from '@hbf/ballot-store/system';
import { describeRedisFailure, within } from '@hbf/ballot-stream/connection';
import { readSystem as readRedisSystem } from '@hbf/ballot-stream/partition';
import type { Logger } from '@hbf/service-kit/logger';
import type { Redis } from 'ioredis';
import type { Reach } from './failpoint.ts';
import type { WorkerMetrics } from './metrics.ts';
import { type Owner, ownPartition } from './own-partition.ts';
import { createPublication } from './publication.ts';
import { requireSameSystem, SystemMismatch } from './system-match.ts';

const TICK_MS = 250;
const READ_POLLS_MS = 1_000;
const SAY_AGAIN_MS = 10_000;
// A worker that is cut off from Redis leaves its partitions to those that are not.
const LEAVE_WITHOUT_REDIS_MS = 2_000;

export type Worker = {
  /** Resolves when this worker first carries its share of the partitions. */
  ready: Promise<void>;
  /** Finishes the batches in hand and gives everything up. Idempotent. */
  close(): Promise<void>;
};

/**
 * Takes part with all other workers: owns its share of the partitions, takes over from those that leave, gives up to
 * those that join. Waits for stores that are away, for as long as it takes.
 *
 * @param fail is called if this worker must not go on (SystemMismatch), perhaps by several owners.
 */
export function startWorker(deps: {
  databaseUrl: string;
  redisUrl: string;
  redis: Redis;
  redisDurabilityAssumed: boolean;
  metrics: WorkerMetrics;
  reach: Reach;
  log: Logger;
  fail: (reason: Error) => void;
}): Worker {
  const { redis, log } = deps;
  // One for each partition that is owned.
  redis.setMaxListeners(0);
  const publication = createPublication();
  const owners = new Map<number, Owner>();
  const leaving = new Set<Owner>();
  const complaints = new Map<string, number>();
  let membership: { session: Session; member: number; system: StoredSystem } | undefined;
  let lastReadPolls = Number.NEGATIVE_INFINITY;
  let redisSeen = performance.now();
  let waitingFor = '';
  let closing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let markReady: () => void;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });

  let ticking: Promise<void> = Promise.resolve();
  const schedule = () => {
    timer = setTimeout(() => {
      ticking = tick()
        .catch((error: unknown) => {
          if (error instanceof SystemMismatch) deps.fail(error);
          else wait(error as Error);
        })
        .finally(() => {
          if (!closing) schedule();
        });
    }, TICK_MS);
  };
  schedule();

  /** Says what this worker waits for, once. */
  function wait(reason: Error | string): void {
    const message = typeof reason === 'string' ? reason : describeRedisFailure(reason);
    if (message !== waitingFor) {
      log.warn(typeof reason === 'string' ? {} : { err: reason }, `waiting: ${message}`);
    }
    waitingFor = message;
  }

  async function tick(): Promise<void> {
    if (redis.status === 'ready') redisSeen = performance.now();
    else if (performance.now() - redisSeen > LEAVE_WITHOUT_REDIS_MS) {
      await leave();
      return wait('Redis cannot be reached');
    }
    if (membership?.session.lost) membership = undefined;
    membership ??= await join();
    if (!membership) return;
    const { session, member, system } = membership;
    deps.metrics.partitions.set(system.partitions);
    if (performance.now() - lastReadPolls >= READ_POLLS_MS) {
      await publication.refresh(session);
      lastReadPolls = performance.now();
    }
    const { members, ownedPartitions } = await readMembership(session);
    const share = shareOf(member, members, system.partitions);
    balance(share, ownedPartitions, system);
    if (waitingFor) log.info('taking part');
    waitingFor = '';
    // Not before its share is open: whoever waits for this worker would find a tally that is stale, and refusals.
    const carrying = [...owners.values()].filter((owner) => owner.carrying).length;
    if (carrying >= share) markReady();
  }

  async function join(): Promise<typeof membership> {
    const redisSystem = await within(1_000, readRedisSystem(redis), 'Redis');
    const session = await openSession(deps.databaseUrl, 'hbf-worker');
    try {
      const system = await readStoredSystem(session);
      requireSameSystem(redisSystem, system);
      if (!system) {
        wait('the database is not set up yet; "worker migrate" does that');
        await session.close();
        return undefined;
      }
      const member = await joinWorkers(session);
      return { session, member, system };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  function balance(share: number, ownedPartitions: readonly number[], system: StoredSystem): void {
    const surplus = [...owners.values()].slice(share);
    for (const owner of surplus) giveUp(owner);
    for (let partition = 0; partition < system.partitions && owners.size < share; partition++) {
      if (!ownedPartitions.includes(partition) && !owners.has(partition)) own(partition, system);
    }
  }

  function own(partition: number, system: StoredSystem): void {
    const owner = ownPartition({ ...deps, system, publication }, partition);
    owners.set(partition, owner);
    const forget = () => {
      leaving.delete(owner);
      if (owners.get(partition) === owner) owners.delete(partition);
    };
    owner.ended.then(
      (reason) => {
        forget();
        if (reason) complainOnce(partition, reason);
      },
      (error: Error) => {
        forget();
        deps.fail(error);
      },
    );
  }

  /** Each tick tries again, four times a second: the same reason is said once in a while. */
  function complainOnce(partition: number, reason: Error): void {
    const now = performance.now();
    const said = complaints.get(reason.message);
    if (said !== undefined && now - said < SAY_AGAIN_MS) return;
    complaints.clear();
    complaints.set(reason.message, now);
    log.warn({ err: reason, partition }, 'a partition is not owned here, or no longer; trying again');
  }

  function giveUp(owner: Owner): void {
    owners.delete(owner.partition);
    leaving.add(owner);
    void owner.release().catch(() => {});
  }

  async function leave(): Promise<void> {
    for (const owner of owners.values()) giveUp(owner);
    await Promise.allSettled([...leaving].map((owner) => owner.release()));
    await membership?.session.close();
    membership = undefined;
  }

  return {
    ready,
    close() {
      closing ??= (async () => {
        clearTimeout(timer);
        await ticking;
        await leave();
      })();
      return closing;
    },
  };
}
