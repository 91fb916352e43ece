import type { Queryable } from './connection.ts';
import { halves } from './entry-position.ts';

/** What a batch adds to its partition, besides the ballots that it records. */
export type Move = {
  partition: number;
  epoch: number;
  /** The position that the batch was read from. */
  from: string;
  /** The id of the last entry of the batch. */
  to: string;
  /** The accepted total at `to`. */
  accepted: number;
};

/**
 * Moves a partition's position: the first statement of a batch. A compare-and-set: it moves only from where the batch
 * started, so a batch can commit once, whoever tries and however often. And it never moves back: what lies before it
 * was counted.
 * @returns whether it moved; if not, somebody else was here, and the batch must be rolled back.
 */
export async function movePosition(client: Queryable, move: Move): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'move-position',
    text: `
      UPDATE partitions
      SET position_ms = $5, position_seq = $6, accepted = $7, appended = greatest(appended, $7)
      WHERE partition = $1 AND epoch = $2 AND position_ms = $3 AND position_seq = $4
        AND (position_ms, position_seq) <= ($5::numeric, $6::numeric)`,
    values: [move.partition, move.epoch, ...halves(move.from), ...halves(move.to), move.accepted],
  });
  return rowCount === 1;
}
