import { startTestRedis } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { readRunId } from '../src/connection.ts';
import { partitionKeys } from '../src/keys.ts';
import { openPartition, peekPartition, publishPolls, readEntries, shutPartition } from '../src/partition.ts';
import { createToldTotals, type ToldTotals } from '../src/told-totals.ts';
import {
  append,
  connectForTests,
  OPEN_POLL,
  openFresh,
  redisNow,
  remains,
} from './support/partition-fixture.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const runId = await readRunId(redis);
let partition = 0;

/** Appends one ballot after the other, as a vote process does that remembers what it is told. */
async function appendTo(told: ToldTotals, count: number): Promise<void> {
  const deadline = (await redisNow(redis)) + 60_000;
  for (let i = 0; i < count; i++) {
    const [status, , , total, opened] = await append(redis, partition, { runId, deadline });
    expect(status).toBe('accepted');
    told.learn({ partition, opened: opened!, total: Number(total) });
  }
}

async function remembering(count: number): Promise<ToldTotals> {
  const told = createToldTotals();
  told.belongTo('test');
  await appendTo(told, count);
  return told;
}

async function lose(): Promise<void> {
  await redis.del(...Object.values(partitionKeys(partition)));
}

/** Opens the partition as an owner does who knows of a total in PostgreSQL. */
async function openAgain(acceptedAtLeast = 0, notedTold = 0): Promise<void> {
  await expect.poll(async () => (await redisNow(redis)) > Number((await newest()).split('-')[0])).toBe(true);
  await publishPolls(redis, partition, 1, [OPEN_POLL]);
  await openPartition(redis, partition, { runId, epoch: 1, position: '0-0', acceptedAtLeast, notedTold });
}

const newest = async () => (await peekPartition(redis, partition, '0-0')).newest;
const view = async () => {
  const { runId, epoch, accepted, told } = await peekPartition(redis, partition, '0-0');
  return { runId, epoch, accepted, told };
};

describe('a reminder of the totals that Redis told', () => {
  it('changes nothing where Redis has lost nothing, opened again or not', async () => {
    await openFresh(redis, ++partition);
    const [one, other] = [await remembering(3), await remembering(2)];
    for (let round = 0; round < 2; round++) {
      const before = await remains(redis, partition);
      await one.handOver(redis, runId);
      await other.handOver(redis, runId);
      expect(await remains(redis, partition)).toEqual(before);
      // Shut and opened, as for a new run.
      await redis.hdel(partitionKeys(partition).state, 'run');
      await openAgain();
    }
  });

  it('is kept aside where the state is gone, opens nothing, and is taken over by the opening', async () => {
    await openFresh(redis, ++partition);
    const told = await remembering(5);
    await lose();
    await told.handOver(redis, runId);
    await told.handOver(redis, runId);
    expect(await view()).toEqual({ runId: undefined, epoch: undefined, accepted: undefined, told: 5 });
    const deadline = (await redisNow(redis)) + 60_000;
    expect((await append(redis, partition, { runId, deadline }))[0]).toBe('not-prepared');
    await openFresh(redis, partition);
    // No owner has said that it noted the loss.
    expect(await view()).toEqual({ runId, epoch: 1, accepted: 5, told: 5 });
    await openAgain(0, 4);
    expect(await view()).toMatchObject({ accepted: 5, told: 5 });
    await openAgain(0, 5);
    expect(await view()).toMatchObject({ accepted: 5, told: undefined });
    await told.handOver(redis, runId);
    expect(await view()).toMatchObject({ accepted: 5, told: undefined });
  });

  it('raises a total that was rolled back, once, whichever process comes first', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      await openFresh(redis, ++partition);
      const processes = [await remembering(5), await remembering(3)];
      await redis.hset(partitionKeys(partition).state, 'accepted', 4);
      for (const at of order) await processes[at]!.handOver(redis, runId);
      expect(await view()).toMatchObject({ runId, accepted: 8, told: 8 });
    }
  });

  it('counts totals that were given a second time, to the ballots of somebody who knew nothing', async () => {
    await openFresh(redis, ++partition);
    const [first, second] = [await remembering(5), await remembering(3)];
    await lose();
    await openAgain(4);
    const newcomer = await remembering(6);
    for (const process of [first, newcomer, second, first]) await process.handOver(redis, runId);
    // 4 were known to PostgreSQL, and 4 more had been accepted and are gone; 6 are new.
    expect(await view()).toMatchObject({ accepted: 4 + 4 + 6, told: 14 });
    await appendTo(newcomer, 1);
    const entries = await readEntries(redis, partition, '0-0', 10, 10);
    expect(entries.map((entry) => 'total' in entry && entry.total)).toEqual([5, 6, 7, 8, 9, 10, 15]);
  });

  it('is not forgotten by whoever appends again before it was handed over', async () => {
    await openFresh(redis, ++partition);
    const told = await remembering(5);
    await lose();
    await openAgain(2);
    await appendTo(told, 10);
    await told.handOver(redis, runId);
    expect(await view()).toMatchObject({ accepted: 2 + 3 + 10, told: 15 });
  });

  it('counts them also where it comes while the partition is shut', async () => {
    await openFresh(redis, ++partition);
    const [first, second] = [await remembering(5), await remembering(3)];
    await lose();
    await openAgain(4);
    await remembering(6);
    await shutPartition(redis, partition, 1);
    for (const process of [first, second, first]) await process.handOver(redis, runId);
    expect(await view()).toMatchObject({ runId: undefined, accepted: 10, told: 14 });
    await openAgain(4, 14);
    await first.handOver(redis, runId);
    expect(await view()).toMatchObject({ runId, accepted: 14, told: undefined });
  });

  it('leaves the total of a partition alone that is not open for this run', async () => {
    await openFresh(redis, ++partition);
    const told = await remembering(5);
    await redis.hset(partitionKeys(partition).state, 'run', 'the-last-one', 'accepted', 3);
    await told.handOver(redis, runId);
    expect(await view()).toMatchObject({ runId: 'the-last-one', accepted: 3, told: 5 });
    await openAgain(4);
    expect(await view()).toMatchObject({ runId, accepted: 5, told: 5 });
  });

  it('waits while Redis is full, and goes through afterwards', async () => {
    await openFresh(redis, ++partition);
    const told = await remembering(5);
    await redis.hset(partitionKeys(partition).state, 'accepted', 4);
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(told.handOver(redis, runId)).rejects.toThrow('OOM');
      expect(await view()).toMatchObject({ accepted: 4, told: undefined });
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    await told.handOver(redis, runId);
    expect(await view()).toMatchObject({ accepted: 5, told: 5 });
  });

  it('says nothing of another system', async () => {
    await openFresh(redis, ++partition);
    const told = await remembering(5);
    await lose();
    await openAgain();
    told.belongTo('another');
    await told.handOver(redis, runId);
    expect(await view()).toMatchObject({ accepted: 0, told: undefined });
  });
});
