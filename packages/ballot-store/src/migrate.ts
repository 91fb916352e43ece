import { fileURLToPath } from 'node:url';
import type { Client } from 'pg';
import Postgrator from 'postgrator';
import { inTransaction } from './connection.ts';
import { LOCK_MIGRATION } from './locks.ts';

const PATTERN = fileURLToPath(new URL('../migrations/*.sql', import.meta.url));

/**
 * Brings the schema to the newest version: all missing migrations in one transaction, or none. Several processes may
 * call it at once; they take turns. A migration that was edited after it ran is an error (its checksum is stored).
 * @returns the names of the migrations that ran now.
 */
export async function migrateSchema(client: Client): Promise<string[]> {
  return await inTransaction(client, async () => {
    await client.query('SELECT pg_advisory_xact_lock($1, 0)', [LOCK_MIGRATION]);
    const database = (await client.query<{ name: string }>('SELECT current_database() AS name')).rows[0]!
      .name;
    const postgrator = new Postgrator({
      driver: 'pg',
      database,
      migrationPattern: PATTERN,
      schemaTable: 'schema_version',
      currentSchema: 'public',
      execQuery: (query: string) => client.query(query),
    });
    const applied = await postgrator.migrate();
    return applied.map((migration) => `${migration.version} ${migration.name}`);
  });
}
