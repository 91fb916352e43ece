import { startTestRedis } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { readRunId } from '../src/connection.ts';
import { compareEntryIds } from '../src/entry-id.ts';
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
    const [status, , newest, total, opened] = await append(redis, partition, { runId, deadline });
    expect(status).toBe('accepted');
    told.learn({ partition, opened: opened!, total: Number(total), newest: newest! });
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

describe('a reminder of the ids that Redis gave', () => {
  const stream = () => partitionKeys(partition).ballots;
  const ids = async () => (await remains(redis, partition)).entries.map(([id]) => id);
  const deadline = async () => (await redisNow(redis)) + 60_000;
  const cast = async () => (await append(redis, partition, { runId, deadline: await deadline() }))[2]!;

  /** A partition whose ids are ahead of the clock by an hour, as after that was set right. */
  async function openAhead(): Promise<void> {
    await openFresh(redis, ++partition);
    await redis.xsetid(stream(), `${(await redisNow(redis)) + 3_600_000}-0`);
  }

  /** Opens as an owner does that knows nothing of what was given. */
  async function openIgnorant(epoch: number): Promise<void> {
    await publishPolls(redis, partition, epoch, [OPEN_POLL]);
    await openPartition(redis, partition, { runId, epoch, position: '0-0', acceptedAtLeast: 0 });
  }

  it.each(['before', 'after'])(
    'keeps them from being given again where it comes %s the opening',
    async (when) => {
      await openAhead();
      const told = await remembering(5);
      const lost = await ids();
      await lose();
      if (when === 'before') await told.handOver(redis, runId);
      await openIgnorant(2);
      if (when === 'after') await told.handOver(redis, runId);
      const given = [await cast(), await cast()];
      expect(compareEntryIds(given[0]!, lost.at(-1)!)).toBeGreaterThan(0);
      expect(await ids()).toEqual(given);
      expect(await view()).toMatchObject({ runId, accepted: 7 });
    },
  );

  it('hands over those of every opening, the highest that it was told whatever the order of the answers', async () => {
    await openAhead();
    const told = createToldTotals();
    told.belongTo('test');
    const ms = (await redisNow(redis)) + 7_200_000;
    for (const [opened, newest] of [
      ['1-0', `${ms}-9`],
      ['1-0', `${ms}-10`],
      ['1-0', `${ms}-8`],
      ['2-0', `${ms}-3`],
    ] as const) {
      told.learn({ partition, opened, newest, total: 1 });
    }
    await told.handOver(redis, runId);
    expect(await newest()).toBe(`${ms}-10`);
  });

  it('lowers no id, keeps entries and the total, and lets ballots be appended as before', async () => {
    await openAhead();
    const early = await remembering(2);
    await appendTo(createToldTotals(), 3);
    const before = { ...(await remains(redis, partition)), newest: await newest() };
    await early.handOver(redis, runId);
    expect({ ...(await remains(redis, partition)), newest: await newest() }).toEqual(before);
    await redis.del(stream());
    await redis.xadd(stream(), '*', 'left', 'over');
    const kept = await ids();
    await early.handOver(redis, runId);
    expect(await ids()).toEqual(kept);
    expect(compareEntryIds(await cast(), before.entries[1]![0])).toBeGreaterThan(0);
  });

  it('goes up to ids that somebody made by hand', async () => {
    await openFresh(redis, ++partition);
    await redis.xsetid(stream(), '18446744073709551615-5');
    const told = await remembering(2);
    await lose();
    await told.handOver(redis, runId);
    await openIgnorant(2);
    expect(await cast()).toBe('18446744073709551615-8');
  });
});
