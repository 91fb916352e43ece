import type { Queryable } from './connection.ts';
import { LOCK_PARTITION } from './locks.ts';

/** A partition as its owner takes it over. */
export type OwnedPartition = {
  epoch: number;
  position: string;
  accepted: number;
  /** The highest accepted total that any heartbeat or batch has seen. */
  appended: number;
};

/**
 * Tries to take a partition over: takes its lock for as long as this session lives, and a new epoch.
 * @returns undefined if another session owns it.
 */
export async function takePartition(
  client: Queryable,
  partition: number,
): Promise<OwnedPartition | undefined> {
  const lock = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
    LOCK_PARTITION,
    partition,
  ]);
  if (!lock.rows[0]!.taken) return undefined;
  const { rows } = await client.query<OwnedPartition>(
    `UPDATE partitions SET epoch = epoch + 1 WHERE partition = $1
     RETURNING epoch, position_ms || '-' || position_seq AS position, accepted,
       greatest(appended, accepted) AS appended`,
    [partition],
  );
  return rows[0];
}

/** Notes that Redis had lost what it had when the partition was prepared: the drift is then a lower bound. */
export async function noteUnknownLoss(client: Queryable, partition: number): Promise<void> {
  await client.query('UPDATE partitions SET loss_is_lower_bound = true WHERE partition = $1', [partition]);
}
