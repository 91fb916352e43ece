import { type Conservation, readConservation } from '@hbf/ballot-store/conservation';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { compareEntryIds } from '@hbf/ballot-stream/entry-id';
import { partitionKeys } from '@hbf/ballot-stream/keys';
import { createProducer, type Producer } from '@hbf/ballot-stream/producer';
import { createToldTotals } from '@hbf/ballot-stream/told-totals';
import { startTestRedis } from '@hbf/local-services/testing';
import { createLogger } from '@hbf/service-kit/logger';
import type { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createWorkerMetrics } from '../src/metrics.ts';
import { startWorker, type Worker } from '../src/worker.ts';
import { createStore, makePoll, voter } from './support/fixture.ts';

const log = createLogger('worker', 'silent');
const server = await startTestRedis();
const redis = await connect();
const { ballots, state } = partitionKeys(1);

async function connect(): Promise<Redis> {
  const connection = connectRedis(server.url, () => {});
  afterAll(() => connection.disconnect());
  await untilReady(connection, 10_000);
  return connection;
}

beforeEach(() => redis.flushall());

function start(databaseUrl: string, through: Redis = redis): Worker {
  const worker = startWorker({
    databaseUrl,
    redisUrl: server.url,
    redis: through,
    redisDurabilityAssumed: false,
    metrics: createWorkerMetrics(),
    reach: () => {},
    log,
    fail: () => {},
  });
  onTestFinished(() => worker.close());
  return worker;
}

/** @returns the ids of their entries. */
async function castMany(producer: Producer, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const answer = await producer.append('pets', { voter: voter(i), choices: ['a'] });
    if (answer.outcome !== 'accepted') throw new Error(answer.outcome);
    ids.push(answer.identity.entryId);
  }
  return ids;
}

/** A system that a worker has opened and left. */
async function startSystem() {
  const { client, url } = await createStore([makePoll('pets')]);
  const first = start(url);
  await first.ready;
  await first.close();
  const conservation = async (): Promise<Partial<Conservation>> => {
    const { accepted, recorded, drift, lossIsLowerBound } = (await readConservation(client))[1]!;
    return { accepted, recorded, drift, lossIsLowerBound };
  };
  expect(await conservation()).toEqual({ accepted: 0, recorded: 0, drift: 0, lossIsLowerBound: false });
  const position = async (): Promise<string> => {
    const { rows } = await client.query<{ position: string }>(
      `SELECT position_ms || '-' || position_seq AS position FROM partitions WHERE partition = 1`,
    );
    return rows[0]!.position;
  };
  return { url, conservation, position };
}

/** Such a system, in which vote was then told of 10 ballots of partition 1: no worker has seen them. */
async function acceptUnseen({ idsAheadMs = 0 } = {}) {
  const system = await startSystem();
  if (idsAheadMs > 0) await redis.xsetid(ballots, `${Date.now() + idsAheadMs}-0`);
  const producer = createProducer({ url: server.url, log: { warn() {}, info() {} } });
  onTestFinished(() => producer.close());
  await producer.ready;
  const ids = await castMany(producer, 10);
  return { ...system, producer, ids };
}

/** What a vote process does that was told this total before Redis lost it. */
async function remind(total: number): Promise<void> {
  const told = createToldTotals();
  const [run, opened] = await redis.hmget(state, 'run', 'opened');
  told.learn({ partition: 1, opened: opened!, total, newest: opened! });
  await told.handOver(redis, run!);
}

const ALL_LOST = { accepted: 10, recorded: 0, drift: 10, lossIsLowerBound: true };

describe('a worker whose Redis lost ballots that only vote knows of', () => {
  it('shows them as drift when Redis was emptied, although it opens the partition before vote comes', async () => {
    const { url, producer, conservation } = await acceptUnseen();
    await redis.flushall();
    await start(url).ready;
    await expect.poll(conservation, { timeout: 10_000 }).toEqual(ALL_LOST);
    await castMany(producer, 3);
    await expect.poll(conservation, { timeout: 10_000 }).toEqual({ ...ALL_LOST, accepted: 13, recorded: 3 });
  });

  it('passes their ids, and gives them to no other ballot, although the clock is behind them', async () => {
    const lost = await acceptUnseen({ idsAheadMs: 3_600_000 });
    const newestLost = lost.ids.at(-1)!;
    await redis.flushall();
    await start(lost.url).ready;
    await expect.poll(lost.conservation, { timeout: 10_000 }).toEqual(ALL_LOST);
    // Their receipts say "lost".
    await expect
      .poll(async () => compareEntryIds(await lost.position(), newestLost), { timeout: 10_000 })
      .toBeGreaterThanOrEqual(0);
    const [given] = await castMany(lost.producer, 3);
    expect(compareEntryIds(given!, newestLost)).toBeGreaterThan(0);
    await expect
      .poll(lost.conservation, { timeout: 10_000 })
      .toEqual({ ...ALL_LOST, accepted: 13, recorded: 3 });
  });

  it('shows them as drift when Redis was rolled back, and vote came first', async () => {
    const { url, conservation } = await acceptUnseen();
    await redis.multi().del(ballots).hset(state, 'accepted', 0).exec();
    await expect.poll(() => redis.hget(state, 'told'), { timeout: 10_000 }).toBe('10');
    await start(url).ready;
    await expect.poll(conservation, { timeout: 10_000 }).toEqual(ALL_LOST);
    await expect.poll(() => redis.hexists(state, 'told'), { timeout: 10_000 }).toBe(0);
  });

  it('shows them as drift while others are queued: those before the gap are recorded, and those behind it', async () => {
    const { url, producer, conservation } = await acceptUnseen();
    const entries = await redis.xrange(ballots, '-', '+');
    // The last six are gone, as from a file that was cut.
    for (const [id] of entries.slice(4)) await redis.xdel(ballots, id);
    await redis.hset(state, 'accepted', 4);
    await expect.poll(() => redis.hget(state, 'told'), { timeout: 10_000 }).toBe('10');
    await castMany(producer, 2);
    await start(url).ready;
    await expect
      .poll(conservation, { timeout: 10_000 })
      .toMatchObject({ accepted: 12, drift: 6, lossIsLowerBound: true });
  });

  it('notes that the number is a lower bound also when vote comes while the partition is open', async () => {
    const { url, conservation } = await startSystem();
    await start(url).ready;
    await remind(10);
    await expect.poll(conservation, { timeout: 10_000 }).toEqual(ALL_LOST);
  });

  it('notes it also if vote comes between its look at the partition and the opening', async () => {
    const { url, conservation } = await startSystem();
    let reminded = false;
    const through = new Proxy(redis, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          const reply = (await value.apply(target, args)) as unknown;
          // PEEK is the only script with the stream, the state and one argument.
          if (name === 'evalsha' && args[1] === 2 && args[2] === ballots && args.length === 5 && !reminded) {
            reminded = true;
            await remind(10);
          }
          return reply;
        };
      },
    });
    await start(url, through).ready;
    expect(reminded).toBe(true);
    await expect.poll(conservation, { timeout: 10_000 }).toEqual(ALL_LOST);
  });
});
