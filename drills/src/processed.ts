import { partitionKeys } from '@hbf/ballot-stream/keys';
import type { Stores } from './system/system.ts';
import { until } from './until.ts';

const WITHIN_MS = 60_000;

/** Redis's own count of the ballots that each partition has accepted. */
export async function acceptedByRedis({ redis, postgres }: Stores): Promise<number[]> {
  const [row] = await postgres.query<{ partitions: number }>('SELECT partitions FROM system');
  const partitions = Array.from({ length: row!.partitions }, (_, partition) => partition);
  const totals = await Promise.all(
    partitions.map((partition) => redis.command('HGET', partitionKeys(partition).state, 'accepted')),
  );
  return totals.map((total) => Number(total ?? 0));
}

/** The same of all partitions together. */
export async function allAcceptedByRedis(system: Stores): Promise<number> {
  return (await acceptedByRedis(system)).reduce((total, accepted) => total + accepted, 0);
}

/** The present moment by PostgreSQL's clock, as it writes it. */
export async function postgresNow({ postgres }: Pick<Stores, 'postgres'>): Promise<string> {
  const [row] = await postgres.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  return row!.now;
}

/** Waits until a ballot more is accepted: after another fault, partitions may still be about to be opened. */
export async function untilAccepting(system: Stores): Promise<void> {
  const before = await allAcceptedByRedis(system);
  await until('a ballot is accepted', async () => (await allAcceptedByRedis(system)) > before);
}

/** Waits until every partition accepts a ballot more. */
export async function untilEachAccepts(system: Stores): Promise<void> {
  const before = await acceptedByRedis(system);
  await until('every partition accepts ballots', async () =>
    (await acceptedByRedis(system)).every((count, partition) => count > before[partition]!),
  );
}

/**
 * Waits until every ballot that Redis has accepted by now is processed, or missed in the books; while voters go on, so
 * that the queue need not be empty at any moment. @throws after a minute, with what is still queued.
 */
export async function untilProcessed(system: Stores): Promise<void> {
  const totals = await until(
    'Redis tells what it has accepted',
    () => acceptedByRedis(system),
    WITHIN_MS,
    200,
  );
  let waiting: string[] = [];
  await until(
    () => `what was accepted is processed: ${waiting.join('; ')}`,
    async () => {
      const rows = await system.postgres.query<{ partition: number; accepted: string }>(
        'SELECT partition, accepted FROM partitions',
      );
      const accepted = new Map(rows.map((row) => [row.partition, Number(row.accepted)]));
      waiting = totals.flatMap((total, partition) =>
        (accepted.get(partition) ?? 0) >= total
          ? []
          : [`partition ${partition} has ${accepted.get(partition)} of ${total}`],
      );
      return waiting.length === 0;
    },
    WITHIN_MS,
    100,
  );
}
