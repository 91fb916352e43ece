import type { Queryable } from './connection.ts';

/** Where the ballots of a partition are: `drift` is what is missing. */
export type Conservation = {
  partition: number;
  accepted: number;
  recorded: number;
  superseded: number;
  rejected: number;
  lost: number;
  drift: number;
  lossIsLowerBound: boolean;
  foreignEntries: number;
  /** Redis's total at the last heartbeat. */
  appended: number;
  position: string;
};

export async function readConservation(client: Queryable): Promise<Conservation[]> {
  const { rows } = await client.query<Conservation>(`
    SELECT partition, accepted, recorded, superseded, rejected, lost, drift,
      loss_is_lower_bound AS "lossIsLowerBound", foreign_entries AS "foreignEntries", appended,
      position_ms || '-' || position_seq AS position
    FROM partitions ORDER BY partition`);
  return rows;
}

/** A loss that was acknowledged now. */
export type AcknowledgedLoss = { partition: number; ballots: number; isLowerBound: boolean };

/**
 * Counts every positive drift as lost, on an operator's word, and keeps a record of it. A negative drift is no loss
 * (something was counted that was never accepted) and stays.
 */
export async function acknowledgeLoss(client: Queryable): Promise<AcknowledgedLoss[]> {
  const { rows } = await client.query<AcknowledgedLoss>(`
    WITH losses AS (
      SELECT partition, drift, loss_is_lower_bound FROM partitions
      WHERE drift > 0 OR (drift = 0 AND loss_is_lower_bound)
      ORDER BY partition FOR UPDATE
    ), acknowledged AS (
      UPDATE partitions p SET lost = p.lost + l.drift, loss_is_lower_bound = false
      FROM losses l WHERE l.partition = p.partition
    )
    INSERT INTO acknowledged_losses (partition, ballots, is_lower_bound)
    SELECT partition, drift, loss_is_lower_bound FROM losses ORDER BY partition
    RETURNING partition, ballots, is_lower_bound AS "isLowerBound"`);
  return rows;
}
