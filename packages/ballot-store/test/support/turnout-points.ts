import type { Client } from '../../src/connection.ts';

/** Inserts points of a partition, `ago` as PostgreSQL reads an interval. */
export async function insertPoints(
  client: Client,
  poll: string,
  partition: number,
  points: readonly [ago: string, voters: number][],
): Promise<void> {
  for (const [ago, voters] of points) {
    await client.query(
      `INSERT INTO turnout_points (partition, poll, at, voters)
       VALUES ($1, $2, now() - $3::interval, $4)`,
      [partition, poll, ago, voters],
    );
  }
}

/** The stored points, in order: how long ago they were (s), and how many voters there were. */
export async function storedPoints(
  client: Client,
  poll: string,
  partition: number,
): Promise<{ ago: number; voters: number }[]> {
  const { rows } = await client.query<{ ago: number; voters: number }>(
    `SELECT extract(epoch FROM now() - at)::float8 AS ago, voters
     FROM turnout_points WHERE poll = $1 AND partition = $2 ORDER BY at`,
    [poll, partition],
  );
  return rows;
}
