import type { Poll } from '@hbf/contracts/poll';
import type { Redis } from 'ioredis';
import { acceptedAt, decodeEntry, type ReadEntry } from './entry.ts';
import { POLLS_KEY, partitionKeys, SYSTEM_KEY } from './keys.ts';
import { CLOSE_POLL, OPEN, PEEK, PUBLISH_POLLS, SHUT } from './owner-scripts.ts';
import { runScript } from './run-script.ts';
import { PUBLISH_DEFINITIONS, TIE_SYSTEM } from './system-scripts.ts';

/** An owner with a later epoch has been at this partition in Redis: whoever gets this owns it no more. */
export class EpochSuperseded extends Error {
  override name = 'EpochSuperseded';
  constructor(partition: number, epoch: string) {
    super(`partition ${partition} has a later owner (epoch ${epoch})`);
  }
}

function refuseSuperseded(partition: number, reply: unknown): string[] {
  const [status, epoch] = reply as string[];
  if (status === 'superseded') throw new EpochSuperseded(partition, epoch!);
  return reply as string[];
}

/**
 * Opens a partition for the given run of Redis, raising what Redis has to what PostgreSQL knows, and to what vote
 * reminded it of (see OPEN); `notedTold`: what PartitionView told of the latter, once that loss is noted.
 * @returns what Redis had before: `accepted` undefined where it had no state at all.
 * @throws EpochSuperseded
 */
export async function openPartition(
  redis: Redis,
  partition: number,
  owner: { runId: string; epoch: number; position: string; acceptedAtLeast: number; notedTold?: number },
): Promise<{ accepted: number | undefined; newest: string }> {
  const keys = partitionKeys(partition);
  const reply = await runScript(
    redis,
    OPEN,
    [keys.ballots, keys.state],
    [owner.runId, owner.epoch, owner.position, owner.acceptedAtLeast, owner.notedTold ?? 0],
  );
  const [, accepted, newest] = refuseSuperseded(partition, reply);
  return { accepted: accepted === '' ? undefined : Number(accepted), newest: newest! };
}

/** Shuts a partition: vote refuses ballots for it until it is opened again. @throws EpochSuperseded */
export async function shutPartition(redis: Redis, partition: number, epoch: number): Promise<void> {
  refuseSuperseded(partition, await runScript(redis, SHUT, [partitionKeys(partition).state], [epoch]));
}

/** When a poll takes ballots in a partition. */
export type PollTimes = Pick<Poll, 'key' | 'opensAt' | 'closesAt'> & { closed: boolean };

/** Publishes the polls' times to a partition. @throws EpochSuperseded */
export async function publishPolls(
  redis: Redis,
  partition: number,
  epoch: number,
  polls: readonly PollTimes[],
): Promise<void> {
  const keys = partitionKeys(partition);
  const args = polls.flatMap((poll) => [
    poll.key,
    // 0 stands for "no bound" there, and the scripts read no sign: a time before 1970 is as good as its first moment.
    Math.max(0, poll.opensAt ?? 0),
    poll.closesAt === null ? 0 : Math.max(1, poll.closesAt),
    poll.closed ? 1 : 0,
  ]);
  refuseSuperseded(
    partition,
    await runScript(redis, PUBLISH_POLLS, [keys.state, keys.polls], [epoch, ...args]),
  );
}

/**
 * Closes a poll in a partition for good if its time has come by Redis's clock, or if `force` is set.
 * @returns the newest id of the stream at that moment (no ballot of the poll comes after it), or undefined if it is
 *   not yet time. @throws EpochSuperseded
 */
export async function closePoll(
  redis: Redis,
  partition: number,
  epoch: number,
  poll: string,
  force: boolean,
): Promise<string | undefined> {
  const keys = partitionKeys(partition);
  const reply = await runScript(
    redis,
    CLOSE_POLL,
    [keys.ballots, keys.state, keys.polls],
    [epoch, poll, force ? 1 : 0],
  );
  const [status, newest] = refuseSuperseded(partition, reply);
  return status === 'closed' ? newest : undefined;
}

/** A partition at one moment; times in ms of Redis's clock. Undefined fields: the state is missing. */
export type PartitionView = {
  now: number;
  runId: string | undefined;
  epoch: number | undefined;
  accepted: number | undefined;
  newest: string;
  /** The first entry after the position, undefined if there is none. */
  firstQueued: { id: string; acceptedAt: number } | undefined;
  /** The total that vote reminded Redis of because Redis had a smaller one, until an owner has noted that loss. */
  told: number | undefined;
};

export async function peekPartition(
  redis: Redis,
  partition: number,
  position: string,
): Promise<PartitionView> {
  const keys = partitionKeys(partition);
  const reply = await runScript(redis, PEEK, [keys.ballots, keys.state], [position]);
  const [now, runId, epoch, accepted, newest, firstQueued, told, time] = reply as [number, ...string[]];
  return {
    now,
    runId: runId || undefined,
    epoch: epoch ? Number(epoch) : undefined,
    accepted: accepted ? Number(accepted) : undefined,
    newest: newest!,
    firstQueued: firstQueued ? { id: firstQueued, acceptedAt: acceptedAt(firstQueued, time) } : undefined,
    told: told ? Number(told) : undefined,
  };
}

type RawEntry = [id: Buffer, fields: Buffer[]];

/**
 * Waits up to `blockMs` for entries after the position. Blocks the connection, so it needs one of its own.
 * @returns up to `count` entries in order, empty if none came.
 */
export async function readEntries(
  redis: Redis,
  partition: number,
  position: string,
  count: number,
  blockMs: number,
): Promise<ReadEntry[]> {
  const stream = partitionKeys(partition).ballots;
  const reply = (await redis.callBuffer(
    'XREAD',
    'COUNT',
    count,
    'BLOCK',
    blockMs,
    'STREAMS',
    stream,
    position,
  )) as [Buffer, RawEntry[]][] | null;
  const entries = reply?.[0]?.[1] ?? [];
  return entries.map(([id, fields]) => decodeEntry(id.toString(), fields));
}

/** Drops the entries before the position; the entry at the position stays, as the witness of the last total. */
export async function trimPartition(redis: Redis, partition: number, position: string): Promise<void> {
  await redis.xtrim(partitionKeys(partition).ballots, 'MINID', position);
}

export type System = { id: string; partitions: number };

/** @returns the system that this Redis belongs to, or undefined if it belongs to none yet. */
export async function readSystem(redis: Redis): Promise<System | undefined> {
  const [id, partitions] = await redis.hmget(SYSTEM_KEY, 'id', 'partitions');
  return id ? { id, partitions: Number(partitions) } : undefined;
}

/** Ties an unused Redis to a system. @returns the system that it now belongs to: another, if it was tied before. */
export async function tieSystem(redis: Redis, system: System): Promise<System> {
  const reply = await runScript(redis, TIE_SYSTEM, [SYSTEM_KEY], [system.id, system.partitions]);
  const [id, partitions] = reply as [string, string];
  return { id, partitions: Number(partitions) };
}

/**
 * Publishes the definitions of all polls for vote, unless Redis has a later revision already.
 * @returns the revision that Redis has now.
 */
export async function publishDefinitions(
  redis: Redis,
  revision: number,
  polls: readonly Poll[],
): Promise<number> {
  return Number(await runScript(redis, PUBLISH_DEFINITIONS, [POLLS_KEY], [revision, JSON.stringify(polls)]));
}
