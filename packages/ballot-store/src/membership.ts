import { randomInt } from 'node:crypto';
import type { Queryable } from './connection.ts';
import { LOCK_MEMBER, LOCK_PARTITION } from './locks.ts';

/** Takes part as a worker, for as long as this session lives. @returns this worker's number. */
export async function joinWorkers(client: Queryable): Promise<number> {
  for (;;) {
    const member = randomInt(1, 2 ** 31 - 1);
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
      LOCK_MEMBER,
      member,
    ]);
    if (rows[0]!.taken) return member;
  }
}

/** Who takes part and what is owned now: the live sessions' locks, so nothing outlives its worker. */
export type Membership = {
  /** In ascending order: a member's place in it decides its share. */
  members: number[];
  ownedPartitions: number[];
};

export async function readMembership(client: Queryable): Promise<Membership> {
  const { rows } = await client.query<Membership>({
    name: 'read-membership',
    text: `
      SELECT
        coalesce(array_agg(objid::bigint::int ORDER BY objid) FILTER (WHERE classid = $1), '{}') AS members,
        coalesce(array_agg(objid::bigint::int ORDER BY objid) FILTER (WHERE classid = $2), '{}')
          AS "ownedPartitions"
      FROM pg_locks
      WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    values: [LOCK_MEMBER, LOCK_PARTITION],
  });
  return rows[0]!;
}

/**
 * How many partitions a member should own: as even as can be, and the same whoever computes it.
 * The first members, in order, own one more where it does not come out even.
 */
export function shareOf(member: number, members: readonly number[], partitions: number): number {
  const place = members.indexOf(member);
  if (place < 0) return 0;
  return Math.floor(partitions / members.length) + (place < partitions % members.length ? 1 : 0);
}
