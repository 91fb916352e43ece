import type { Queryable } from './connection.ts';

/** What the owner of a partition saw in Redis in the last second. */
export type Heartbeat = {
  partition: number;
  epoch: number;
  /** Redis's total of accepted ballots. */
  appended: number;
  /** The age of the oldest queued ballot in ms, null if none is queued. */
  oldestQueuedMs: number | null;
};

/** @returns the partition's drift, or undefined if a later owner has taken the partition over. */
export async function beat(client: Queryable, heartbeat: Heartbeat): Promise<number | undefined> {
  const { rows } = await client.query<{ drift: number }>({
    name: 'heartbeat',
    text: `
      UPDATE partitions
      SET heartbeat_at = clock_timestamp(), appended = greatest(appended, $3), oldest_queued_ms = $4
      WHERE partition = $1 AND epoch = $2
      RETURNING drift`,
    values: [heartbeat.partition, heartbeat.epoch, heartbeat.appended, heartbeat.oldestQueuedMs],
  });
  return rows[0]?.drift;
}
