import type { Queryable } from './connection.ts';

export type StoredSystem = { id: string; partitions: number; pollsRevision: number };

/** @returns the system that the database belongs to, or undefined where it has not been set up. */
export async function readSystem(client: Queryable): Promise<StoredSystem | undefined> {
  const exists = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('public.system') IS NOT NULL AS exists`,
  );
  if (!exists.rows[0]!.exists) return undefined;
  const { rows } = await client.query<StoredSystem>(
    'SELECT id, partitions, polls_revision AS "pollsRevision" FROM system',
  );
  return rows[0];
}

/** Sets an empty database up for a new system, unless it is set up already. @returns the system as it stands. */
export async function setUpSystem(client: Queryable, partitions: number): Promise<StoredSystem> {
  await client.query('INSERT INTO system (partitions) VALUES ($1) ON CONFLICT DO NOTHING', [partitions]);
  await client.query(
    `INSERT INTO partitions (partition)
     SELECT generate_series(0, partitions - 1) FROM system
     ON CONFLICT DO NOTHING`,
  );
  return (await readSystem(client))!;
}

/** What is wrong with PostgreSQL's own durability, each with the setting that mends it; empty if all is well. */
export async function durabilityFaults(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  return rows
    .filter(({ name, setting }) => (name === 'synchronous_commit' ? setting === 'off' : setting !== 'on'))
    .map(({ name, setting }) => `${name} is "${setting}" and must be "on"`);
}
