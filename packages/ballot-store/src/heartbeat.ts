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

/** How a partition's ballots add up; `lossIsLowerBound`: the true loss is at least the drift. */
export type Audit = { drift: number; lossIsLowerBound: boolean };

/** Writes a heartbeat. @returns undefined if a later owner has taken the partition over. */
export async function beat(client: Queryable, heartbeat: Heartbeat): Promise<Audit | undefined> {
  const { rows } = await client.query<Audit>({
    name: 'heartbeat',
    text: `
      UPDATE partitions
      SET heartbeat_at = clock_timestamp(), appended = greatest(appended, $3), oldest_queued_ms = $4
      WHERE partition = $1 AND epoch = $2
      RETURNING drift, loss_is_lower_bound AS "lossIsLowerBound"`,
    values: [heartbeat.partition, heartbeat.epoch, heartbeat.appended, heartbeat.oldestQueuedMs],
  });
  return rows[0];
}
