import type { Queryable } from '@hbf/ballot-store/connection';
import { noteUnknownLoss } from '@hbf/ballot-store/own-partition';
import { type StoredSystem, durabilityFaults as storeFaults } from '@hbf/ballot-store/system';
import { readRunId } from '@hbf/ballot-stream/connection';
import { durabilityFaults as streamFaults } from '@hbf/ballot-stream/durability';
import { compareEntryIds } from '@hbf/ballot-stream/entry-id';
import {
  openPartition,
  peekPartition,
  publishDefinitions,
  publishPolls,
  shutPartition,
  tieSystem,
} from '@hbf/ballot-stream/partition';
import type { Logger } from '@hbf/service-kit/logger';
import type { Redis } from 'ioredis';
import type { Publication } from './publication.ts';
import { requireSameSystem } from './system-match.ts';

/** A store would not keep what it acknowledges. Nothing is accepted until that is mended. */
export class NotDurable extends Error {
  override name = 'NotDurable';
}

export type PartitionOwner = {
  partition: number;
  epoch: number;
  position: string;
  /** The highest accepted total that PostgreSQL knows of. */
  appended: number;
};

/**
 * Opens a partition for the present run of Redis: checks that both stores are durable and belong together, publishes
 * the polls, raises Redis to what PostgreSQL knows, and only then lets vote append.
 *
 * @returns the run id that the partition is open for.
 * @throws NotDurable, SystemMismatch, EpochSuperseded, or whatever the stores throw.
 */
export async function preparePartition(
  deps: {
    redis: Redis;
    session: Queryable;
    system: StoredSystem;
    publication: Publication;
    redisDurabilityAssumed: boolean;
    log: Logger;
  },
  owner: PartitionOwner,
): Promise<string> {
  const { redis, system, publication, log } = deps;
  const { partition, epoch, position } = owner;
  const runId = await readRunId(redis);
  // First of all: nothing of another system's may be shut, opened or counted.
  requireSameSystem(await tieSystem(redis, system), system);
  await requireDurability(deps, partition, epoch);
  await publishPartitionPolls(redis, partition, epoch, publication);
  // Noted before it is opened: opening raises what shows the loss, and a worker killed in between would hide it.
  const seen = await peekPartition(redis, partition, position);
  const lossSeen = await noteLoss(deps, owner, seen);
  const before = await openPartition(redis, partition, {
    runId,
    epoch,
    position,
    acceptedAtLeast: owner.appended,
    notedTold: seen.told ?? 0,
  });
  if (!lossSeen) await noteLoss(deps, owner, before);
  const published = await publishDefinitions(
    redis,
    publication.revision,
    publication.polls.map(({ poll }) => poll),
  );
  if (published > publication.revision) {
    log.error(
      { redisRevision: published, revision: publication.revision },
      'Redis has later polls than PostgreSQL: was PostgreSQL restored from a backup? See docs/runbook.md',
    );
  }
  log.info({ position }, 'the partition is open');
  return runId;
}

/** Notes it if Redis lacks what PostgreSQL, or a vote process, knows that it had. @returns whether it does. */
async function noteLoss(
  { session, log }: { session: Queryable; log: Logger },
  { partition, position, appended }: PartitionOwner,
  redis: { accepted: number | undefined; newest: string; told?: number | undefined },
): Promise<boolean> {
  if (
    redis.told === undefined &&
    (redis.accepted ?? 0) >= appended &&
    compareEntryIds(redis.newest, position) >= 0
  ) {
    return false;
  }
  await noteUnknownLoss(session, partition);
  log.error(
    {
      redisAccepted: redis.accepted ?? null,
      knownAccepted: Math.max(appended, redis.told ?? 0),
      newest: redis.newest,
      position,
    },
    'Redis has lost what it held of this partition: accepted ballots that were not recorded yet are lost, and the ' +
      'drift is a lower bound of their number. Look at the store, then run "worker acknowledge-loss"',
  );
  return true;
}

/** Tells a partition which polls take ballots, and until when. */
export async function publishPartitionPolls(
  redis: Redis,
  partition: number,
  epoch: number,
  publication: Publication,
): Promise<void> {
  const times = publication.polls.map(({ poll, closing }) => ({ ...poll, closed: closing }));
  await publishPolls(redis, partition, epoch, times);
}

/**
 * Checks that both stores keep what they acknowledge. If not, the partition is shut: it may still be open from before.
 * @throws NotDurable, EpochSuperseded
 */
export async function requireDurability(
  deps: { redis: Redis; session: Queryable; redisDurabilityAssumed: boolean },
  partition: number,
  epoch: number,
): Promise<void> {
  const fault =
    (deps.redisDurabilityAssumed ? undefined : await streamFault(deps.redis)) ??
    (await storeFault(deps.session));
  if (fault === undefined) return;
  await shutPartition(deps.redis, partition, epoch);
  throw new NotDurable(`no ballots are accepted: ${fault}`);
}

async function streamFault(redis: Redis): Promise<string | undefined> {
  const { faults, hidden } = await streamFaults(redis);
  if (hidden) {
    return (
      'Redis does not show its configuration. If it syncs every write to disk before it answers and evicts nothing, ' +
      'say so with REDIS_DURABILITY=assumed'
    );
  }
  return faults.length > 0 ? `Redis would lose accepted ballots: ${faults.join('; ')}` : undefined;
}

async function storeFault(session: Queryable): Promise<string | undefined> {
  const faults = await storeFaults(session);
  return faults.length > 0 ? `PostgreSQL would lose recorded ballots: ${faults.join('; ')}` : undefined;
}
