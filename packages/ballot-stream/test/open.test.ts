import { startTestRedis } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { readRunId } from '../src/connection.ts';
import { compareEntryIds } from '../src/entry-id.ts';
import { partitionKeys } from '../src/keys.ts';
import { EpochSuperseded, openPartition, peekPartition, shutPartition } from '../src/partition.ts';
import { append, connectForTests, openFresh, redisNow, remains } from './support/partition-fixture.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const runId = await readRunId(redis);
const FUTURE = Date.now() + 86_400_000;
/** The highest millisecond that an id can have. */
const LAST_MS = '18446744073709551615';
let partition = 0;

const open = (changes: Partial<Parameters<typeof openPartition>[2]> = {}) =>
  openPartition(redis, partition, { runId, epoch: 1, position: '0-0', acceptedAtLeast: 0, ...changes });
const newest = async () => (await peekPartition(redis, partition, '0-0')).newest;

describe('openPartition', () => {
  it('opens a partition that has nothing: no total before, no id before, and the newest id is now', async () => {
    partition += 1;
    const before = await redisNow(redis);
    expect(await open()).toEqual({ accepted: undefined, newest: '0-0' });
    const after = await redisNow(redis);
    const ms = Number((await newest()).split('-')[0]);
    expect(ms).toBeGreaterThanOrEqual(before);
    expect(ms).toBeLessThanOrEqual(after);
    const { state, entries } = await remains(redis, partition);
    expect(state).toEqual({ run: runId, epoch: '1', accepted: '0', opened: await newest(), base: '0' });
    expect(entries).toEqual([]);
  });

  it('raises a missing stream beyond the millisecond of a position that is ahead of the clock', async () => {
    partition += 1;
    await open({ position: `${FUTURE}-7`, acceptedAtLeast: 40 });
    expect(await newest()).toBe(`${FUTURE + 1}-0`);
    const { state, entries } = await remains(redis, partition);
    expect(state).toMatchObject({ accepted: '40', opened: `${FUTURE + 1}-0` });
    expect(entries).toEqual([]);
  });

  it('raises an empty stream that ends before the position in the same way, and one with entries, and keeps those', async () => {
    for (const withEntry of [false, true]) {
      partition += 1;
      await openFresh(redis, partition);
      const { ballots } = partitionKeys(partition);
      const id = await redis.xadd(ballots, '*', 'some', 'entry');
      if (!withEntry) await redis.xdel(ballots, id!);
      expect(await open({ position: `${FUTURE}-7` })).toEqual({ accepted: 0, newest: id });
      expect(await newest()).toBe(`${FUTURE + 1}-0`);
      expect((await remains(redis, partition)).entries).toHaveLength(withEntry ? 1 : 0);
    }
  });

  it('sees by the second half of an id alone that the stream ends before the position', async () => {
    partition += 1;
    await openFresh(redis, partition);
    await redis.xsetid(partitionKeys(partition).ballots, `${FUTURE}-9`);
    for (const position of [`${FUTURE}-8`, `${FUTURE}-9`]) await open({ position });
    expect(await newest()).toBe(`${FUTURE}-9`);
    await open({ position: `${FUTURE}-10` });
    expect(await newest()).toBe(`${FUTURE + 1}-0`);
  });

  it('raises the ids in a new run beyond the millisecond of the last one, if that is ahead of the clock', async () => {
    partition += 1;
    await openFresh(redis, partition);
    const { ballots } = partitionKeys(partition);
    await redis.xsetid(ballots, `${FUTURE}-0`);
    const deadline = (await redisNow(redis)) + 60_000;
    const cast = async () => (await append(redis, partition, { runId, deadline }))[2]!;
    const [kept, lost] = [await cast(), await cast()];
    // The file's tail was cut off: the last entry is as if it had never been.
    await redis.xdel(ballots, lost);
    await redis.xsetid(ballots, kept);
    await redis.hset(partitionKeys(partition).state, 'run', 'the-last-one');
    await open({ epoch: 2 });
    const given = await cast();
    expect(given).not.toBe(lost);
    expect(compareEntryIds(given, lost)).toBeGreaterThan(0);
  });

  it('goes up to ids that somebody made by hand, and not beyond where there is nothing', async () => {
    for (const position of [`${LAST_MS}-5`, `${LAST_MS.slice(0, -1)}4-18446744073709551615`]) {
      partition += 1;
      await open({ position });
      expect(await newest()).toBe(position);
      await open({ epoch: 2, position: `${FUTURE}-0`, runId: 'another-run' });
      expect(await newest()).toBe(position);
    }
  });

  it('never lowers: neither the newest id nor the total', async () => {
    partition += 1;
    await openFresh(redis, partition);
    const deadline = (await redisNow(redis)) + 60_000;
    for (let i = 0; i < 3; i++) await append(redis, partition, { runId, deadline });
    const id = await newest();
    expect(await open({ epoch: 2, acceptedAtLeast: 1 })).toEqual({ accepted: 3, newest: id });
    expect(await newest()).toBe(id);
    expect((await remains(redis, partition)).state).toMatchObject({ run: runId, epoch: '2', accepted: '3' });
  });

  it('changes no id when it opens again for the same run, at whatever time', async () => {
    partition += 1;
    await open();
    const id = await newest();
    await expect.poll(() => redisNow(redis)).toBeGreaterThan(Number(id.split('-')[0]));
    await open({ epoch: 2 });
    expect(await newest()).toBe(id);
  });

  it('raises the newest id to now in a new run: what an earlier run lost has a smaller id', async () => {
    partition += 1;
    await openFresh(redis, partition);
    const deadline = (await redisNow(redis)) + 60_000;
    const [, , id] = await append(redis, partition, { runId, deadline });
    await expect.poll(() => redisNow(redis)).toBeGreaterThan(Number(id!.split('-')[0]));
    const now = await redisNow(redis);
    await open({ runId: 'another-run', epoch: 2 });
    expect(Number((await newest()).split('-')[0])).toBeGreaterThanOrEqual(now);
    expect((await remains(redis, partition)).entries.map(([at]) => at)).toEqual([id]);
  });

  it('refuses an owner with an older epoch and changes nothing; the same epoch may open again', async () => {
    partition += 1;
    await open({ epoch: 10 });
    const before = { ...(await remains(redis, partition)), newest: await newest() };
    const stale = open({ epoch: 9, runId: 'x', position: `${FUTURE}-0`, acceptedAtLeast: 99 });
    await expect(stale).rejects.toThrow(EpochSuperseded);
    await expect(stale).rejects.toThrow(`partition ${partition} has a later owner (epoch 10)`);
    expect({ ...(await remains(redis, partition)), newest: await newest() }).toEqual(before);
    await open({ epoch: 10 });
  });

  it('leaves ids behind that later entries come after', async () => {
    partition += 1;
    await openFresh(redis, partition);
    await open({ position: `${FUTURE}-7` });
    const [status, , id] = await append(redis, partition, {
      runId,
      deadline: (await redisNow(redis)) + 60_000,
    });
    expect(status).toBe('accepted');
    expect(compareEntryIds(id!, `${FUTURE}-7`)).toBeGreaterThan(0);
  });
});

describe('shutPartition', () => {
  it('lets nothing be appended until the partition is opened again, and keeps the total', async () => {
    partition += 1;
    await openFresh(redis, partition);
    const deadline = (await redisNow(redis)) + 60_000;
    const cast = async () => (await append(redis, partition, { runId, deadline }))[0];
    expect(await cast()).toBe('accepted');
    await shutPartition(redis, partition, 1);
    expect(await cast()).toBe('not-prepared');
    const { state } = await remains(redis, partition);
    expect(state).toMatchObject({ epoch: '1', accepted: '1' });
    expect(state).not.toHaveProperty('run');
    expect(await open()).toMatchObject({ accepted: 1 });
    expect(await cast()).toBe('accepted');
  });

  it('refuses an owner with an older epoch and leaves the partition open', async () => {
    partition += 1;
    await open({ epoch: 10 });
    await expect(shutPartition(redis, partition, 9)).rejects.toThrow(EpochSuperseded);
    expect((await remains(redis, partition)).state.run).toBe(runId);
  });
});
