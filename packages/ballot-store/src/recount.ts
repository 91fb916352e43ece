import type { Client } from 'pg';

/** A figure that was kept, and the same figure computed from the ballots. */
export type Difference = {
  what: 'votes' | 'turnout' | 'recorded';
  poll: string | null;
  option: string | null;
  partition: number;
  kept: number;
  counted: number;
};

export type Recount = {
  polls: { poll: string; option: string; votes: number }[];
  ballots: number;
  /** Empty if every tally is right. */
  differences: Difference[];
};

/** Counts all ballots again, in one snapshot, and compares with every figure that is kept. Reads only. */
export async function recount(client: Client): Promise<Recount> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const differences = await client.query<Difference>(DIFFERENCES);
    const polls = await client.query<{ poll: string; option: string; votes: number }>(COUNTS);
    const total = await client.query<{ ballots: number }>('SELECT count(*) AS ballots FROM ballots');
    return { polls: polls.rows, ballots: total.rows[0]!.ballots, differences: differences.rows };
  } finally {
    // If the connection is gone, the reason is on its way already.
    await client.query('ROLLBACK').catch(() => {});
  }
}

const COUNTS = `
SELECT o.poll, o.key AS option, coalesce(v.votes, 0)::bigint AS votes
FROM poll_options o
JOIN polls p ON p.key = o.poll
LEFT JOIN (
  SELECT poll, option, count(*) AS votes FROM ballots, unnest(choices) AS option GROUP BY poll, option
) AS v ON v.poll = o.poll AND v.option = o.key
ORDER BY p.rank, o.rank`;

const DIFFERENCES = `
WITH counted AS (
  SELECT 'votes' AS what, poll, option, partition, count(*) AS n
  FROM ballots, unnest(choices) AS option GROUP BY poll, option, partition
  UNION ALL
  SELECT 'turnout', poll, NULL, partition, count(*) FROM ballots GROUP BY poll, partition
  UNION ALL
  SELECT 'recorded', NULL, NULL, partition, count(*) FROM ballots GROUP BY partition
), kept AS (
  SELECT 'votes' AS what, poll, option, partition, votes AS n FROM tallies
  UNION ALL
  SELECT 'turnout', poll, NULL, partition, voters FROM turnouts
  UNION ALL
  SELECT 'recorded', NULL, NULL, partition, recorded FROM partitions
)
SELECT coalesce(k.what, c.what) AS what, coalesce(k.poll, c.poll) AS poll, coalesce(k.option, c.option) AS option,
  coalesce(k.partition, c.partition) AS partition, coalesce(k.n, 0) AS kept, coalesce(c.n, 0) AS counted
FROM kept k
FULL JOIN counted c ON k.what = c.what AND k.partition = c.partition
  AND coalesce(k.poll, '') = coalesce(c.poll, '') AND coalesce(k.option, '') = coalesce(c.option, '')
WHERE coalesce(k.n, 0) <> coalesce(c.n, 0)
ORDER BY 1, 2, 3, 4`;
