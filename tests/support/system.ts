import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPool } from '@hbf/ballot-store/connection';
import { type Conservation, readConservation } from '@hbf/ballot-store/conservation';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { partitionKeys, SYSTEM_KEY } from '@hbf/ballot-stream/keys';
import { freePort } from '@hbf/local-services/free-port';
import type { LocalPostgres } from '@hbf/local-services/postgres';
import type { LocalRedis } from '@hbf/local-services/redis';
import { makeTestDirectory, startTestPostgres, startTestRedis } from '@hbf/local-services/testing';
import { afterAll } from 'vitest';
import { killServices, runCommand, type Service, startService } from './service.ts';
import { until } from './until.ts';

/** Thirty options, so that a voter's ballots of a while are told apart by what they choose. */
export const OPTIONS = Array.from({ length: 30 }, (_, index) => `o${index}`);

export const TEST_POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
  - key: faults
    question: Which one now?
    eligibility: open
    options: { ${OPTIONS.map((key) => `${key}: Option ${key}`).join(', ')} }
`;

/** A whole system on stores of its own: real processes, real stores. */
export type System = {
  redis: LocalRedis;
  postgres: LocalPostgres;
  /** The environment that every service of it gets. */
  env: Record<string, string>;
  voteUrl: string;
  resultUrl: string;
  pollsFile: string;
  writePolls(text: string): void;
  migrate(): Promise<{ code: number | null; output: string }>;
  startVote(env?: Record<string, string>): Promise<Service>;
  startResult(env?: Record<string, string>): Promise<Service>;
  startWorker(env?: Record<string, string>): Promise<Service>;
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  conservation(): Promise<Conservation[]>;
  /** Waits until every ballot that Redis has accepted by now is processed, and every partition has beaten since. */
  untilDrained(): Promise<void>;
};

/** Does something with a connection of its own to a Redis. */
export async function withRedis<T>(
  url: string,
  work: (client: ReturnType<typeof connectRedis>) => Promise<T>,
): Promise<T> {
  const client = connectRedis(url, () => {});
  try {
    await untilReady(client, 5_000);
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Call it at the top level of a test file. Starts the stores and sets the system up; no service runs yet. */
export async function createSystem(options: { polls?: string } = {}): Promise<System> {
  const redis = await startTestRedis();
  const postgres = await startTestPostgres();
  const [votePort, resultPort] = [await freePort(), await freePort()];
  const pollsFile = join(makeTestDirectory('polls'), 'polls.yaml');
  const writePolls = (text: string) => writeFileSync(pollsFile, text);
  writePolls(options.polls ?? TEST_POLLS);
  const env = {
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
    POLLS_FILE: pollsFile,
    VOTER_KEYS: `k1:${randomBytes(32).toString('hex')}`,
    RECEIPT_KEYS: `k1:${randomBytes(32).toString('hex')}`,
    LOG_LEVEL: 'info',
    PUBLIC_VOTE_URL: `http://127.0.0.1:${votePort}`,
    PUBLIC_RESULT_URL: `http://127.0.0.1:${resultPort}`,
  };
  const pool = createPool(postgres.url, 'hbf-tests', { max: 2, timeoutMs: 10_000 });
  afterAll(async () => {
    await killServices();
    await pool.end();
  });

  const system: System = {
    redis,
    postgres,
    env,
    voteUrl: env.PUBLIC_VOTE_URL,
    resultUrl: env.PUBLIC_RESULT_URL,
    pollsFile,
    writePolls,
    migrate: () => runCommand('worker', ['migrate'], env),
    startVote: (more) => startService('vote', { ...env, PORT: String(votePort), ...more }),
    startResult: (more) => startService('result', { ...env, PORT: String(resultPort), ...more }),
    startWorker: (more) => startService('worker', { ...env, ...more }),
    query: async (text, values) => (await pool.query(text, values)).rows,
    conservation: () => readConservation(pool),
    async untilDrained() {
      // Asked of Redis itself: the last heartbeat may be older than the last ballots.
      const totals = await withRedis(redis.url, async (client) => {
        const partitions = Number(await client.hget(SYSTEM_KEY, 'partitions'));
        const keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(partition).state);
        return await Promise.all(keys.map((key) => client.hget(key, 'accepted')));
      });
      const [{ now } = { now: '' }] = await system.query<{ now: string }>(
        'SELECT clock_timestamp()::text AS now',
      );
      await until(
        'nothing is queued',
        async () => {
          const rows = await system.query<{ accepted: number; beaten: boolean }>(
            `SELECT accepted, coalesce(heartbeat_at > $1::timestamptz AND oldest_queued_ms IS NULL, false) AS beaten
             FROM partitions ORDER BY partition`,
            [now],
          );
          return rows.every(
            ({ accepted, beaten }, index) => beaten && accepted >= Number(totals[index] ?? 0),
          );
        },
        30_000,
      );
    },
  };
  const { code, output } = await system.migrate();
  if (code !== 0) throw new Error(`migrate failed (${code}):\n${output}`);
  return system;
}
