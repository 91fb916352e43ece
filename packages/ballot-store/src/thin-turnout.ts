import type { Queryable } from './connection.ts';

/**
 * Thins the turnout points of a partition, so that they stay few: one in 5 s of the last 10 minutes, one a minute of the
 * last 6 hours, one in 15 minutes of the last 3 days, and one in 6 hours of what is older. The last point of each such
 * span stays, and the first point of a poll. To be called by the partition's owner, which then notes the turnout again:
 * where the clock was wrong by more than a day, the newest point is among those that go.
 */
export async function thinTurnout(client: Queryable, partition: number): Promise<void> {
  await client.query({ name: 'thin-turnout', text: THIN, values: [partition] });
}

// Points of the future were noted while the clock was ahead. By more than a day, they would be the newest for so long
// that all that comes would stand in one point. Where the clock is before the system was made, it is wrong now, and
// nothing goes.
const THIN = `
WITH clock AS (
  SELECT clock_timestamp() AS now FROM system WHERE clock_timestamp() > created_at
), points AS (
  SELECT p.poll, p.at, clock.now,
    lag(p.at) OVER poll IS NULL AS first,
    lead(p.at) OVER poll AS next,
    CASE
      WHEN p.at > clock.now - interval '10 minutes' THEN interval '5 seconds'
      WHEN p.at > clock.now - interval '6 hours' THEN interval '1 minute'
      WHEN p.at > clock.now - interval '3 days' THEN interval '15 minutes'
      ELSE interval '6 hours'
    END AS span
  FROM turnout_points p CROSS JOIN clock
  WHERE p.partition = $1
  WINDOW poll AS (PARTITION BY p.poll ORDER BY p.at)
)
DELETE FROM turnout_points p USING points
WHERE p.partition = $1 AND p.poll = points.poll AND p.at = points.at
  AND (
    points.at > points.now + interval '1 day'
    OR (
      NOT points.first
      AND date_bin(points.span, points.at, '2000-01-01Z') = date_bin(points.span, points.next, '2000-01-01Z')
    )
  )`;
