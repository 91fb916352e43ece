import type { Queryable } from './connection.ts';
import { halves } from './entry-position.ts';

/** Notes where a poll's ballots end in a partition. The first note stands. */
export async function notePollClosing(
  client: Queryable,
  poll: string,
  partition: number,
  newest: string,
): Promise<void> {
  await client.query(
    `INSERT INTO poll_closings (poll, partition, entry_ms, entry_seq) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [poll, partition, ...halves(newest)],
  );
}

/** @returns the polls whose closing this partition has noted already. */
export async function readClosings(client: Queryable, partition: number): Promise<Set<string>> {
  const { rows } = await client.query<{ poll: string }>(
    'SELECT poll FROM poll_closings WHERE partition = $1',
    [partition],
  );
  return new Set(rows.map(({ poll }) => poll));
}
