import { createPool } from '@hbf/ballot-store/connection';
import { type Conservation, readConservation } from '@hbf/ballot-store/conservation';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { partitionKeys, SYSTEM_KEY } from '@hbf/ballot-stream/keys';
import { createLocalSystem, type LocalSystem } from '@hbf/drills/system/local';
import { until } from '@hbf/drills/until';
import { afterAll } from 'vitest';

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

export type System = LocalSystem & {
  /** Kills and forgets every replica, so that the next test begins without. */
  removeAll(): Promise<void>;
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

/** Call it at the top level of a test file. The stores run and are set up; no service runs yet. */
export async function createSystem(options: { polls?: string } = {}): Promise<System> {
  const local = await createLocalSystem({
    polls: options.polls ?? TEST_POLLS,
    votes: 0,
    workers: 0,
    results: 0,
  });
  const { redis, postgres } = local;
  const pool = createPool(postgres.url, 'hbf-tests', { max: 2, timeoutMs: 10_000 });
  afterAll(async () => {
    await pool.end();
    await local.close();
  });
  return {
    ...local,
    async removeAll() {
      await Promise.all([...local.replicas].map(local.remove));
    },
    conservation: () => readConservation(pool),
    async untilDrained() {
      // Asked of Redis itself: the last heartbeat may be older than the last ballots.
      const totals = await withRedis(redis.url, async (client) => {
        const partitions = Number(await client.hget(SYSTEM_KEY, 'partitions'));
        const keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(partition).state);
        return await Promise.all(keys.map((key) => client.hget(key, 'accepted')));
      });
      const [{ now } = { now: '' }] = await postgres.query<{ now: string }>(
        'SELECT clock_timestamp()::text AS now',
      );
      await until(
        'nothing is queued',
        async () => {
          const rows = await postgres.query<{ accepted: number; beaten: boolean }>(
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
}
