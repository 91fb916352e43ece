import { openSession, type Session } from '@hbf/ballot-store/connection';
import { readConservation } from '@hbf/ballot-store/conservation';
import { recordBallots } from '@hbf/ballot-store/record-ballots';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { createProducer } from '@hbf/ballot-stream/producer';
import { startTestRedis } from '@hbf/local-services/testing';
import { createLogger } from '@hbf/service-kit/logger';
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createKeptTurnout, keepTurnout } from '../src/keep-turnout.ts';
import { createWorkerMetrics } from '../src/metrics.ts';
import { startWorker } from '../src/worker.ts';
import { createStore, makePoll, voter } from './support/fixture.ts';

const server = await startTestRedis();
const redis = connectRedis(server.url, () => {});
afterAll(() => redis.disconnect());
await untilReady(redis, 10_000);
beforeEach(() => redis.flushall());

const LATER_MS = 5_000;
const MUCH_LATER_MS = 60_000;

/** Partition 1 as its owner holds it. Only what asks for the time is faked: the session lives on. */
async function holdPartition() {
  const { client, url } = await createStore([makePoll('pets')]);
  const session: Session = await openSession(url, 'hbf-test');
  onTestFinished(() => session.close());
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  let voters = 0;
  const warnings: unknown[] = [];
  const queries = vi.spyOn(session, 'query');
  const turnout = createKeptTurnout();
  const held = { partition: 1, session, log: { warn: (said: unknown) => warnings.push(said) }, turnout };
  return {
    client,
    session,
    warnings,
    queries,
    keep: () => keepTurnout(held as never),
    async record() {
      voters += 1;
      const ballot = { poll: 'pets', voter: voter(voters), choices: ['a'], entryId: `${voters}-0`, index: 0 };
      await recordBallots(client, 1, [ballot], 1);
      turnout.grown = true;
    },
    points: async () => {
      const { rows } = await client.query('SELECT voters FROM turnout_points ORDER BY at');
      return rows.map((row) => row.voters);
    },
  };
}

describe('the owner of a partition', () => {
  it('notes at once what the owner before has not noted, and then one point in 5 s', async () => {
    const { keep, record, points } = await holdPartition();
    await record();
    await keep();
    expect(await points()).toEqual([1]);
    for (let n = 0; n < 4; n += 1) {
      vi.advanceTimersByTime(LATER_MS / 5);
      await record();
      await keep();
    }
    expect(await points()).toEqual([1]);
    vi.advanceTimersByTime(LATER_MS / 5);
    await keep();
    expect(await points()).toEqual([1, 5]);
  });

  it('asks nothing of PostgreSQL while nothing is recorded', async () => {
    const { keep, record, queries } = await holdPartition();
    await record();
    for (let n = 0; n < 3; n += 1) {
      await keep();
      vi.advanceTimersByTime(LATER_MS);
    }
    queries.mockClear();
    for (let n = 0; n < 30; n += 1) {
      await keep();
      vi.advanceTimersByTime(LATER_MS);
    }
    expect(queries).not.toHaveBeenCalled();
  });

  it('thins what it has noted, once a minute at most', async () => {
    const { client, keep, record, points } = await holdPartition();
    await client.query(`
      INSERT INTO turnout_points (partition, poll, at, voters)
      VALUES (1, 'pets', now() - interval '8 days', 1)`);
    const insertOld = () =>
      client.query(`
        INSERT INTO turnout_points (partition, poll, at, voters)
        SELECT 1, 'pets', date_bin('6 hours', now() - interval '7 days', '2000-01-01Z') + n * interval '1 second', 1
        FROM generate_series(1, 50) AS n
        ON CONFLICT DO NOTHING`);
    const old = async () => (await points()).filter((voters) => voters === 1).length;
    await insertOld();
    await record();
    await record();
    await keep();
    expect(await old()).toBe(2);
    await insertOld();
    await record();
    vi.advanceTimersByTime(LATER_MS);
    await keep();
    expect(await old()).toBe(1 + 50);
    await record();
    vi.advanceTimersByTime(MUCH_LATER_MS);
    await keep();
    expect(await old()).toBe(2);
  });

  it('notes the newest point again if it was one of a clock that was wrong', async () => {
    const { client, keep, record, points } = await holdPartition();
    await record();
    await client.query(`
      INSERT INTO turnout_points (partition, poll, at, voters) VALUES (1, 'pets', now() + interval '14 years', 1)`);
    await keep();
    expect(await points()).toEqual([]);
    vi.advanceTimersByTime(LATER_MS);
    await keep();
    expect(await points()).toEqual([1]);
  });

  it('tries again a minute after it could not, and has said why', async () => {
    const { client, keep, record, points, warnings, queries } = await holdPartition();
    await client.query('ALTER TABLE turnout_points RENAME TO elsewhere');
    await record();
    await keep();
    expect(warnings).toHaveLength(1);
    await client.query('ALTER TABLE elsewhere RENAME TO turnout_points');
    queries.mockClear();
    vi.advanceTimersByTime(LATER_MS);
    await keep();
    expect(queries).not.toHaveBeenCalled();
    vi.advanceTimersByTime(MUCH_LATER_MS);
    await keep();
    expect(await points()).toEqual([1]);
    expect(warnings).toHaveLength(1);
  });

  it('is told when its session was lost', async () => {
    const { client, session, keep, warnings } = await holdPartition();
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    );
    await vi.waitUntil(() => session.lost);
    await expect(keep()).rejects.toBe(session.lost);
    expect(warnings).toEqual([]);
  });
});

describe('a worker', () => {
  const start = (databaseUrl: string) => {
    const worker = startWorker({
      databaseUrl,
      redisUrl: server.url,
      redis,
      redisDurabilityAssumed: false,
      metrics: createWorkerMetrics(),
      reach: () => {},
      log: createLogger('worker', 'silent'),
      fail: () => {},
    });
    onTestFinished(() => worker.close());
    return worker;
  };

  const createVoters = async () => {
    const producer = createProducer({ url: server.url, log: { warn() {}, info() {} } });
    onTestFinished(() => producer.close());
    await producer.ready;
    return async (who: number) => {
      const { outcome } = await producer.append('pets', { voter: voter(who), choices: ['a'] });
      expect(outcome).toBe('accepted');
    };
  };

  it('notes how the turnout grew, from the ballots that it carries', async () => {
    const { client, url } = await createStore([makePoll('pets')]);
    await start(url).ready;
    const vote = await createVoters();
    await vote(1);
    await vote(2);
    const newest = async () =>
      (await client.query('SELECT max(voters) AS voters FROM turnout_points WHERE partition = 1')).rows[0]
        .voters;
    await expect.poll(newest, { timeout: 15_000 }).toBe(2);
  });

  it('notes what is left to note when it is stopped', async () => {
    const { client, url } = await createStore([makePoll('pets')]);
    const worker = start(url);
    await worker.ready;
    const vote = await createVoters();
    for (let who = 1; who <= 3; who += 1) await vote(who);
    await expect.poll(async () => (await readConservation(client))[1]!.recorded, { timeout: 10_000 }).toBe(3);
    await worker.close();
    const { rows } = await client.query('SELECT max(voters) AS voters FROM turnout_points');
    expect(rows).toEqual([{ voters: 3 }]);
  });

  it('carries ballots and beats, though the turnout cannot be noted', async () => {
    const { client, url } = await createStore([makePoll('pets')]);
    await client.query('DROP TABLE turnout_points');
    await start(url).ready;
    const vote = await createVoters();
    await vote(1);
    const recorded = async () => (await readConservation(client))[1]!.recorded;
    await expect.poll(recorded, { timeout: 10_000 }).toBe(1);
    const beaten = async () =>
      (await client.query('SELECT heartbeat_at FROM partitions WHERE partition = 1')).rows[0].heartbeat_at;
    const before = await beaten();
    await expect.poll(beaten, { timeout: 10_000 }).not.toEqual(before);
    await vote(2);
    await expect.poll(recorded, { timeout: 10_000 }).toBe(2);
  });
});
