import { createPool } from '@hbf/ballot-store/connection';
import { type Conservation, readConservation } from '@hbf/ballot-store/conservation';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { FAULTS, pollsFile } from '@hbf/drills/clients/polls';
import { untilDrained } from '@hbf/drills/clients/settled';
import { createLocalSystem, type LocalSystem } from '@hbf/drills/system/local';
import { afterAll } from 'vitest';

export type System = LocalSystem & {
  /** Kills and forgets every vote and worker, so that the next test begins without. */
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

/** Call it at the top level of a test file. The stores and a result run; no vote and no worker yet. */
export async function createSystem(options: { polls?: string } = {}): Promise<System> {
  const local = await createLocalSystem({
    polls: options.polls ?? pollsFile([FAULTS]),
    votes: 0,
    workers: 0,
    results: 1,
  });
  const { postgres } = local;
  const pool = createPool(postgres.url, 'hbf-tests', { max: 2, timeoutMs: 10_000 });
  afterAll(async () => {
    await pool.end();
    await local.close();
  });
  return {
    ...local,
    async removeAll() {
      await Promise.all(local.replicas.filter(({ app }) => app !== 'result').map(local.remove));
    },
    conservation: () => readConservation(pool),
    untilDrained: () => untilDrained(local),
  };
}
