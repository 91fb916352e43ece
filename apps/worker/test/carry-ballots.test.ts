import { readConservation } from '@hbf/ballot-store/conservation';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { createProducer } from '@hbf/ballot-stream/producer';
import { startTestRedis } from '@hbf/local-services/testing';
import { createLogger } from '@hbf/service-kit/logger';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { createWorkerMetrics } from '../src/metrics.ts';
import { startWorker, type Worker } from '../src/worker.ts';
import { createStore, makePoll, voter } from './support/fixture.ts';
import { startThinLine } from './support/thin-line.ts';

const server = await startTestRedis();
const redis = connectRedis(server.url, () => {});
afterAll(() => redis.disconnect());
await untilReady(redis, 10_000);

const ENTRIES = 24;
const BALLOTS_PER_ENTRY = 200;
// Of about 6 kB each, what is queued and the first, smaller tries are too much, and a few entries are not.
const BYTES_PER_REPLY = 64_000;

function start(databaseUrl: string, redisUrl: string): Worker {
  const worker = startWorker({
    databaseUrl,
    redisUrl,
    redis,
    redisDurabilityAssumed: false,
    metrics: createWorkerMetrics(),
    reach: () => {},
    log: createLogger('worker', 'silent'),
    fail: () => {},
  });
  onTestFinished(() => worker.close());
  return worker;
}

it('a backlog that is too large to be read in time is read in smaller pieces, until all is recorded', async () => {
  const { client, url } = await createStore([makePoll('pets')]);
  const first = start(url, server.url);
  await first.ready;
  const producer = createProducer({ url: server.url, log: { warn() {}, info() {} } });
  onTestFinished(() => producer.close());
  await producer.ready;
  await first.close();
  for (let entry = 0; entry < ENTRIES; entry++) {
    const outcomes = await Promise.all(
      Array.from({ length: BALLOTS_PER_ENTRY }, (_, i) =>
        producer.append('pets', { voter: voter(entry * BALLOTS_PER_ENTRY + i), choices: ['a'] }),
      ),
    );
    expect(outcomes.every(({ outcome }) => outcome === 'accepted')).toBe(true);
  }

  const line = await startThinLine(server.port, BYTES_PER_REPLY);
  start(url, line.url);
  await expect
    .poll(async () => (await readConservation(client))[1], { timeout: 15_000 })
    .toMatchObject({ recorded: ENTRIES * BALLOTS_PER_ENTRY, drift: 0 });
  expect(line.stuck()).toBeGreaterThan(0);
});
