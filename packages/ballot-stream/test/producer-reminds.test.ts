import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { makePoll } from '@hbf/contracts/testing';
import { startTestRedis } from '@hbf/local-services/testing';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { untilReady } from '../src/connection.ts';
import { compareEntryIds } from '../src/entry-id.ts';
import { partitionKeys } from '../src/keys.ts';
import { publishDefinitions, tieSystem } from '../src/partition.ts';
import type { Producer } from '../src/producer.ts';
import { connectForTests } from './support/partition-fixture.ts';
import { createTestProducer, newVoter, openAll, PARTITIONS, setUp } from './support/producer-fixture.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const polls = [makePoll('pets')];

beforeEach(async () => {
  await redis.flushall();
  await setUp(redis, polls);
});

/** Closed after the test: it would remind the next one's Redis. */
async function startProducer() {
  const producer = createTestProducer(server.url);
  onTestFinished(() => producer.close());
  await producer.ready;
  return producer;
}

/** @returns the ids of their entries. */
async function castInto(producer: Producer, partition: number, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const answer = await producer.append('pets', { voter: newVoter(partition), choices: ['a'] });
    if (answer.outcome !== 'accepted') throw new Error(answer.outcome);
    ids.push(answer.identity.entryId);
  }
  return ids;
}

const state = (partition: number) => redis.hgetall(partitionKeys(partition).state);

/** Redis's append-only file, which grows with every write. */
function appendOnlyFile(): string {
  const directory = join(server.dataDir, 'appendonlydir');
  const name = readdirSync(directory).find((file) => file.endsWith('.incr.aof'));
  return join(directory, name!);
}

describe('a producer that was told more than Redis still knows', () => {
  it('reminds a Redis whose append-only file was cut back, before it is opened again', async () => {
    const producer = await startProducer();
    await castInto(producer, 0, 3);
    await castInto(producer, 1, 2);
    const kept = statSync(appendOnlyFile()).size;
    await castInto(producer, 0, 4);
    const file = appendOnlyFile();
    await server.kill('SIGKILL');
    truncateSync(file, kept);
    await server.start();
    await untilReady(redis, 10_000);
    await expect.poll(() => state(0), { timeout: 10_000 }).toMatchObject({ accepted: '3', told: '7' });
    expect(await state(1)).toMatchObject({ accepted: '2' });
    expect(await state(1)).not.toHaveProperty('told');
    expect(await producer.append('pets', { voter: newVoter(), choices: ['a'] })).toEqual({
      outcome: 'not-accepted',
      reason: 'not-prepared',
    });
    await openAll(redis, polls);
    await castInto(producer, 0, 1);
    expect(await state(0)).toMatchObject({ accepted: '8' });
  });

  it('reminds a Redis that was emptied and prepared again while the connection lived on', async () => {
    const producer = await startProducer();
    await castInto(producer, 0, 5);
    await castInto(producer, 1, 2);
    await redis.flushall();
    await setUp(redis, polls);
    await expect.poll(() => state(0), { timeout: 10_000 }).toMatchObject({ accepted: '5', told: '5' });
    await expect.poll(() => state(1), { timeout: 10_000 }).toMatchObject({ accepted: '2', told: '2' });
  });

  it('has ballots get no id again that a lost one had, although the clock is behind the ids', async () => {
    const { ballots } = partitionKeys(0);
    await redis.xsetid(ballots, `${Date.now() + 3_600_000}-0`);
    const producer = await startProducer();
    const lost = await castInto(producer, 0, 5);
    await redis.flushall();
    await setUp(redis, polls);
    await expect.poll(() => state(0), { timeout: 10_000 }).toMatchObject({ told: '5' });
    const [given] = await castInto(producer, 0, 1);
    expect(compareEntryIds(given!, lost.at(-1)!)).toBeGreaterThan(0);
  });

  it('writes nothing into a Redis that belongs to no system, or to another', async () => {
    const producer = await startProducer();
    await castInto(producer, 0, 5);
    await redis.flushall();
    const calls = async () => Number(/cmdstat_time:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
    const before = await calls();
    // Each refresh of the producer asks for the time.
    await expect.poll(calls, { timeout: 10_000 }).toBeGreaterThan(before + 1);
    expect(await redis.keys('*')).toEqual([]);

    await tieSystem(redis, { id: 'another', partitions: PARTITIONS });
    await openAll(redis, polls);
    await publishDefinitions(redis, 2, []);
    await expect.poll(() => producer.polls(), { timeout: 10_000 }).toEqual([]);
    const after = await calls();
    await expect.poll(calls, { timeout: 10_000 }).toBeGreaterThan(after + 1);
    expect(await state(0)).toMatchObject({ accepted: '0' });
    expect(await state(0)).not.toHaveProperty('told');
  });

  it('says so while a full Redis cannot be reminded, stays ready, and tries until it went through', async () => {
    const producer = await startProducer();
    await castInto(producer, 0, 5);
    await redis.multi().hset(partitionKeys(0).state, 'accepted', 2).config('SET', 'maxmemory', '1').exec();
    await expect
      .poll(() => producer.said, { timeout: 10_000 })
      .toContain('Redis lost accepted ballots, and cannot be told of it yet');
    expect(await producer.append('pets', { voter: newVoter(), choices: ['a'] })).toEqual({
      outcome: 'not-accepted',
      reason: 'refused-by-redis',
    });
    await redis.config('SET', 'maxmemory', '0');
    await expect.poll(() => state(0), { timeout: 10_000 }).toMatchObject({ accepted: '5', told: '5' });
  });
});
