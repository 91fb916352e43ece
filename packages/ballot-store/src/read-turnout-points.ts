import type { Queryable } from './connection.ts';

/** By `at` (PostgreSQL's clock, whole ms since 1970), the ballots of `voters` voters counted in a poll. */
export type TurnoutPoint = { at: number; voters: number };

/**
 * Reads how the turnout of all polls grew, over all partitions: at any moment the sum of each partition's newest turnout
 * point. None is later than now, `at` grows from point to point, and a poll without voters has none.
 * @param most how many points of a poll there may be, over 1. If there are more, the first is told, and the last of
 *   each of equal spans of time.
 */
export async function readTurnoutPoints(
  client: Queryable,
  most: number,
): Promise<Map<string, TurnoutPoint[]>> {
  const { rows } = await client.query<{ poll: string } & TurnoutPoint>({
    name: 'read-turnout-points',
    text: READ,
    values: [most - 1],
  });
  const points = new Map<string, TurnoutPoint[]>();
  for (const { poll, at, voters } of rows) {
    const ofPoll = points.get(poll);
    if (ofPoll) ofPoll.push({ at, voters });
    else points.set(poll, [{ at, voters }]);
  }
  return points;
}

// The sum of steps: each point adds to the sum by how much its partition grew. Points of the future, noted while the
// clock was ahead, count as of now.
const READ = `
WITH clock AS (SELECT clock_timestamp() AS now), growth AS (
  SELECT p.poll, floor(extract(epoch FROM least(p.at, clock.now)) * 1000)::float8 AS at,
    p.voters - coalesce(lag(p.voters) OVER (PARTITION BY p.partition, p.poll ORDER BY p.at), 0) AS more
  FROM turnout_points p CROSS JOIN clock
), sums AS (
  SELECT poll, at, sum(sum(more)) OVER (PARTITION BY poll ORDER BY at)::bigint AS voters
  FROM growth GROUP BY poll, at
), placed AS (
  SELECT poll, at, voters, coalesce(ceil(
    $1 * (at - min(at) OVER poll) / nullif(max(at) OVER poll - min(at) OVER poll, 0)
  ), 0) AS span
  FROM sums WINDOW poll AS (PARTITION BY poll)
), followed AS (
  SELECT *, lead(span) OVER (PARTITION BY poll ORDER BY at) AS next FROM placed
)
SELECT poll, at, voters FROM followed WHERE span IS DISTINCT FROM next ORDER BY poll, at`;
