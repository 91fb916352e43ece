import type { Client } from '@hbf/ballot-store/connection';
import { readConservation } from '@hbf/ballot-store/conservation';
import { connectRedis, readRunId, untilReady } from '@hbf/ballot-stream/connection';
import { encodeBallots } from '@hbf/ballot-stream/entry';
import { partitionKeys } from '@hbf/ballot-stream/keys';
import { DELAYED_AFTER_MS } from '@hbf/contracts/tally';
import { startTestRedis } from '@hbf/local-services/testing';
import { createLogger } from '@hbf/service-kit/logger';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createWorkerMetrics } from '../src/metrics.ts';
import { startWorker } from '../src/worker.ts';
import { connectForTests, createStore, makePoll, voter } from './support/fixture.ts';

const server = await startTestRedis();
const redis = connectRedis(server.url, () => {});
afterAll(() => redis.disconnect());
await untilReady(redis, 10_000);
beforeEach(() => redis.flushall());

const { ballots, state } = partitionKeys(1);
const HOUR = 3_600_000;
const AGE = 20_000;

function start(databaseUrl: string) {
  const metrics = createWorkerMetrics();
  const worker = startWorker({
    databaseUrl,
    redisUrl: server.url,
    redis,
    redisDurabilityAssumed: false,
    metrics,
    reach: () => {},
    log: createLogger('worker', 'silent'),
    fail: () => {},
  });
  onTestFinished(() => worker.close());
  return { ...worker, metrics };
}

/** A system that a worker has opened and left, and that nobody can record in until `release` is called. */
async function startBlocked() {
  const { client, url } = await createStore([makePoll('pets')]);
  const first = start(url);
  await first.ready;
  await first.close();
  // As if none of its ballots were recorded yet: the ids of those queued may be from before the opening.
  await client.query('UPDATE partitions SET position_ms = 0, position_seq = 0');
  const blocker = await connectForTests(url);
  await blocker.query('BEGIN; LOCK TABLE ballots IN EXCLUSIVE MODE');
  return { client, url, release: () => blocker.query('ROLLBACK') };
}

/** `age` undefined: an entry without a time, as they were before. */
type Queued = { total: number; idAt: number; age: number | undefined };

/** Queues a ballot as the append script does, of any id and age (ms). */
async function queue({ total, idAt, age }: Queued): Promise<void> {
  const fields = ['p', 'pets', 'n', '1', 'b', encodeBallots([{ voter: voter(total), choices: ['a'] }])];
  const timed = age === undefined ? ['v', '1'] : ['v', '2', 'a', String(Date.now() - age)];
  await redis.xadd(ballots, `${idAt}-*`, ...timed, ...fields, 't', String(total));
  await redis.hset(state, 'accepted', total);
}

async function oldestQueuedMs(client: Client): Promise<number | null> {
  const { rows } = await client.query<{ age: string | null }>(
    'SELECT oldest_queued_ms AS age FROM partitions WHERE partition = 1',
  );
  return rows[0]!.age === null ? null : Number(rows[0]!.age);
}

const conservation = async (client: Client) => (await readConservation(client))[1]!;

describe('the age of queued ballots', () => {
  it.each([
    ['ids are ahead of the clock, after it was set right', HOUR, AGE],
    ['ids agree with the clock', -AGE, AGE],
    ['entries have no time yet, as those from before', -AGE, undefined],
  ])('is that of the oldest at the first heartbeat of a take-over, where %s', async (_, ahead, age) => {
    const { client, url, release } = await startBlocked();
    await redis.del(ballots);
    await queue({ total: 1, idAt: Date.now() + ahead, age });
    await queue({ total: 2, idAt: Date.now() + HOUR, age: 0 });
    expect(await oldestQueuedMs(client)).toBe(null);
    const { ready, metrics } = start(url);
    await ready;
    const seen = await oldestQueuedMs(client);
    expect(seen).toBeGreaterThanOrEqual(AGE);
    expect(seen).toBeLessThan(HOUR);
    await release();
    await expect
      .poll(() => conservation(client), { timeout: 10_000 })
      .toMatchObject({ recorded: 2, drift: 0 });
    await expect
      .poll(
        async () =>
          (await metrics.commitDelay.get()).values.find(({ metricName }) => metricName?.endsWith('_sum'))
            ?.value,
      )
      .toBeGreaterThanOrEqual(AGE / 1_000);
  });

  it('is unknown, so that no tally is live, where they were accepted before the clock was set back', async () => {
    const { client, url, release } = await startBlocked();
    await queue({ total: 1, idAt: Date.now() + HOUR, age: -HOUR });
    await start(url).ready;
    const first = await oldestQueuedMs(client);
    expect(first).toBeGreaterThan(DELAYED_AFTER_MS);
    await expect.poll(() => oldestQueuedMs(client), { timeout: 10_000 }).toBeGreaterThan(first!);
    expect(await oldestQueuedMs(client)).toBeLessThan(HOUR);
    await release();
    await expect.poll(() => oldestQueuedMs(client), { timeout: 10_000 }).toBe(null);
  });

  it('is not spoiled by what somebody writes into an entry by hand', async () => {
    const { client, url } = await createStore([makePoll('pets')]);
    await start(url).ready;
    const absurd = ['1', '0', '-1', '', 'NaN', '1e308', '999999999999999', '9'.repeat(1_000), '\u0000'];
    for (const time of absurd) {
      await redis.xadd(ballots, '*', 'v', '2', 'p', 'pets', 'n', '1', 'b', '[]', 't', '1', 'a', time);
      await redis.xadd(ballots, '*', 'a', time);
    }
    const kept = () => conservation(client).then(({ foreignEntries }) => foreignEntries);
    await expect.poll(kept, { timeout: 10_000 }).toBe(2 * absurd.length);
    await expect.poll(() => oldestQueuedMs(client), { timeout: 10_000 }).toBe(null);
    expect(await redis.hget(state, 'run')).toBe(await readRunId(redis));
    expect(await conservation(client)).toMatchObject({ drift: 0, lossIsLowerBound: false });
  });
});
