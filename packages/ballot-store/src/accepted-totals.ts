import type { Queryable } from './connection.ts';

/** Over all partitions, as far as PostgreSQL knows: ballots ever accepted, and how many of them are not yet recorded. */
export type AcceptedTotals = { accepted: number; queued: number };

export async function readAcceptedTotals(client: Queryable): Promise<AcceptedTotals> {
  const { rows } = await client.query<AcceptedTotals>(`
    SELECT coalesce(sum(greatest(appended, accepted)), 0)::bigint AS accepted,
      coalesce(sum(greatest(appended - accepted, 0)), 0)::bigint AS queued
    FROM partitions`);
  return rows[0]!;
}
