import type { Tally } from '@hbf/contracts/tally';
import { acceptedByRedis, postgresNow } from '../processed.ts';
import type { Stores, System } from '../system/system.ts';
import { until } from '../until.ts';
import { createAgent, getJson } from './http.ts';
import { resultReplicas } from './pages.ts';
import { FAULTS } from './polls.ts';

/**
 * Waits until every ballot that Redis has accepted by now is processed, and every partition has beaten since with nothing
 * queued; for when no voter votes. While they do, `untilProcessed` is what there is.
 * @throws after `timeoutMs`, with what is still queued.
 */
export async function untilDrained(system: Stores, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const start = await until(
    'Redis and PostgreSQL tell what they hold',
    async () => {
      const now = await postgresNow(system);
      // Asked of Redis itself: the last heartbeat may be older than the last ballots.
      return { totals: await acceptedByRedis(system), now };
    },
    timeoutMs,
    200,
  );
  let waiting: string[] = [];
  await until(
    () => `nothing is queued: ${waiting.join('; ')}`,
    async () => {
      const rows = await system.postgres.query<{ partition: number; accepted: string; beaten: boolean }>(
        `SELECT partition, accepted, coalesce(heartbeat_at > $1::timestamptz AND oldest_queued_ms IS NULL, false) AS beaten
         FROM partitions`,
        [start.now],
      );
      const byPartition = new Map(rows.map((row) => [row.partition, row]));
      waiting = start.totals.flatMap((total, partition) => {
        const { accepted, beaten } = byPartition.get(partition) ?? { accepted: 0, beaten: false };
        if (beaten && Number(accepted) >= total) return [];
        return [
          `partition ${partition} has ${accepted} of ${total}${beaten ? '' : ' and no heartbeat since'}`,
        ];
      });
      return waiting.length === 0;
    },
    Math.max(0, deadline - performance.now()),
    100,
  );
}

/**
 * Waits until every running replica of result tells a live tally. Any poll will do: freshness is that of the worst
 * partition, for all polls alike.
 * @throws after `timeoutMs`.
 */
export async function untilLive(
  system: Pick<System, 'replicas'>,
  timeoutMs = 60_000,
  poll = FAULTS.key,
): Promise<void> {
  const agent = createAgent();
  let told: string[] = [];
  const tell = async ({ name, url }: { name: string; url: string }) => {
    try {
      return `${name} ${(await getJson<Tally>(`${url}/api/polls/${poll}/tally`, agent)).status}`;
    } catch (error) {
      return `${name} ${(error as Error).message}`;
    }
  };
  try {
    await until(
      () => `result is live: ${told.join(', ') || 'none runs'}`,
      async () => {
        told = await Promise.all(
          resultReplicas(system)
            .filter(({ running }) => running)
            .map(tell),
        );
        return told.length > 0 && told.every((text) => text.endsWith(' live'));
      },
      timeoutMs,
    );
  } finally {
    agent.destroy();
  }
}
