/**
 * For tests under vitest: call these at the top level of a test file (`const redis = await startTestRedis()`),
 * not in a hook; what they start is then ended after the file's last test. Should the test run be killed, the
 * guardian ends it and deletes its files.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { afterAll, inject } from 'vitest';
import { removeAtEnd } from './guardian.ts';
import { type LocalPostgres, type PostgresOptions, startPostgres } from './postgres.ts';
import { type LocalRedis, type RedisOptions, startRedis } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared server's URL, where the project's set-up started one. */
    postgresUrl: string | undefined;
  }
}

// When vitest's main process is killed, its workers are not: they would test on, or wait, for ever.
if (process.send) process.once('disconnect', () => process.exit(1));

/** Makes an empty directory that is deleted with the process, at the latest. */
export function makeTestDirectory(purpose = 'test'): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), `hbf-${purpose}-`));
  removeAtEnd(directory);
  return directory;
}

/** Starts a Redis for this test file, durable unless `settings` say otherwise. */
export async function startTestRedis(options: Omit<RedisOptions, 'dataDir'> = {}): Promise<LocalRedis> {
  const dataDir = makeTestDirectory('redis');
  const redis = await startRedis({ ...options, dataDir });
  afterAll(async () => {
    await redis.kill('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
  });
  return redis;
}

/** Starts a PostgreSQL for this test file alone: for those that kill it. Takes about a second. */
export async function startTestPostgres(
  options: Omit<PostgresOptions, 'dataDir'> = {},
): Promise<LocalPostgres> {
  const dataDir = makeTestDirectory('postgres');
  const postgres = await startPostgres({ ...options, dataDir });
  afterAll(async () => {
    await postgres.stop('immediate');
    await rm(dataDir, { recursive: true, force: true });
  });
  return postgres;
}

/**
 * Makes a database of its own for this test file on the shared server, and returns its URL. Where there is
 * no shared server it starts one for the file. A second call makes a second database.
 */
export async function createTestDatabase(): Promise<string> {
  const shared = inject('postgresUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  if (shared === undefined) return (await startTestPostgres()).createDatabase(name);
  const query = async (text: string) => {
    const client = new Client({ connectionString: shared });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  await query(`CREATE DATABASE ${escapeIdentifier(name)}`);
  afterAll(() => query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`));
  const url = new URL(shared);
  url.pathname = `/${name}`;
  return url.href;
}
