import type { Queryable } from './connection.ts';
import { halves } from './entry-position.ts';

/** What could not be recorded. `index` is -1 for an entry that somebody put in by hand. */
export type Rejection = { entryId: string; index: number; reason: string; content: Buffer };

const KEPT_BYTES = 4_096;

/** Keeps rejected ballots and foreign entries with their reasons, and counts them in their partition. */
export async function rejectBallots(
  client: Queryable,
  partition: number,
  rejections: readonly Rejection[],
): Promise<void> {
  const ids = rejections.map((rejection) => halves(rejection.entryId));
  await client.query({
    name: 'reject-ballots',
    text: `
      WITH kept AS (
        INSERT INTO rejected_ballots (partition, entry_ms, entry_seq, entry_index, reason, content)
        SELECT $1, * FROM unnest($2::numeric[], $3::numeric[], $4::smallint[], $5::text[], $6::bytea[])
        RETURNING entry_index
      ), counts AS (
        SELECT count(*) FILTER (WHERE entry_index >= 0) AS rejected,
          count(*) FILTER (WHERE entry_index < 0) AS foreign_entries
        FROM kept
      )
      UPDATE partitions p
      SET rejected = p.rejected + counts.rejected, foreign_entries = p.foreign_entries + counts.foreign_entries
      FROM counts WHERE p.partition = $1`,
    values: [
      partition,
      ids.map(([ms]) => ms),
      ids.map(([, seq]) => seq),
      rejections.map(({ index }) => index),
      rejections.map(({ reason }) => reason),
      rejections.map(({ content }) => content.subarray(0, KEPT_BYTES)),
    ],
  });
}
