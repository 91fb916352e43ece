import type { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { connectRedis, readRunId, untilReady } from '../../src/connection.ts';
import { ENTRY_VERSION, encodeBallots, type NewBallot } from '../../src/entry.ts';
import { partitionKeys } from '../../src/keys.ts';
import { openPartition, type PollTimes, publishPolls } from '../../src/partition.ts';
import { runScript } from '../../src/run-script.ts';
import { APPEND } from '../../src/scripts.ts';

/** A connection that is closed after the file's last test. */
export async function connectForTests(url: string): Promise<Redis> {
  const redis = connectRedis(url, () => {});
  afterAll(() => redis.disconnect());
  await untilReady(redis, 10_000);
  return redis;
}

export const OPEN_POLL: PollTimes = { key: 'pets', opensAt: null, closesAt: null, closed: false };

/** Opens a partition as its first owner would, with one poll that takes ballots. */
export async function openFresh(
  redis: Redis,
  partition: number,
  polls: readonly PollTimes[] = [OPEN_POLL],
): Promise<{ runId: string }> {
  const runId = await readRunId(redis);
  await publishPolls(redis, partition, 1, polls);
  await openPartition(redis, partition, { runId, epoch: 1, position: '0-0', acceptedAtLeast: 0 });
  return { runId };
}

export async function redisNow(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Math.floor(Number(seconds) * 1_000 + Number(microseconds) / 1_000);
}

export const voter = (n: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(n, 12);
  return bytes;
};

export type AppendArguments = { runId: string; deadline: number; poll?: string; ballots?: NewBallot[] };

/** Runs the append script as the producer does. */
export async function append(
  redis: Redis,
  partition: number,
  { runId, deadline, poll = 'pets', ballots = [{ voter: voter(1), choices: ['a'] }] }: AppendArguments,
): Promise<[status: string, now: number, entryId?: string, total?: string, opened?: string]> {
  const keys = partitionKeys(partition);
  return (await runScript(
    redis,
    APPEND,
    [keys.ballots, keys.state],
    [runId, deadline, ENTRY_VERSION, poll, ballots.length, encodeBallots(ballots), keys.polls],
  )) as [string, number, string?, string?, string?];
}

/** What an append can change: a refusal must leave all of it as it was. */
export async function remains(redis: Redis, partition: number) {
  const keys = partitionKeys(partition);
  return {
    entries: await redis.xrange(keys.ballots, '-', '+'),
    state: await redis.hgetall(keys.state),
    polls: await redis.hgetall(keys.polls),
    exists: await redis.exists(keys.ballots),
  };
}
