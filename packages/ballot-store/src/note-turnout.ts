import type { Queryable } from './connection.ts';

/**
 * Notes the turnout of a partition's polls as of now: a turnout point for each poll whose turnout is not that of its
 * newest one. To be called by the partition's owner, after it recorded something.
 */
export async function noteTurnout(client: Queryable, partition: number): Promise<void> {
  await client.query({ name: 'note-turnout', text: NOTE, values: [partition] });
}

// Never before the newest point, whatever has become of the clock: the order of the points is that of their turnouts.
const NOTE = `
INSERT INTO turnout_points (partition, poll, at, voters)
SELECT t.partition, t.poll, greatest(clock_timestamp(), newest.at), t.voters
FROM turnouts t
LEFT JOIN LATERAL (
  SELECT p.at, p.voters FROM turnout_points p
  WHERE p.partition = t.partition AND p.poll = t.poll
  ORDER BY p.at DESC LIMIT 1
) AS newest ON true
WHERE t.partition = $1 AND t.voters IS DISTINCT FROM newest.voters
ON CONFLICT (partition, poll, at) DO UPDATE SET voters = excluded.voters`;
