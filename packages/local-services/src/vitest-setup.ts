/** The set-up of vitest's unit project: one PostgreSQL for all its files, see createTestDatabase. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { removeAtEnd } from './guardian.ts';
import { startPostgres } from './postgres.ts';
// Declares what is provided.
import type {} from './testing.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hbf-postgres-'));
  removeAtEnd(dataDir);
  const postgres = await startPostgres({ dataDir, settings: { max_connections: '300' } });
  project.provide('postgresUrl', postgres.url);
  return async () => {
    await postgres.stop('immediate');
    await rm(dataDir, { recursive: true, force: true });
  };
}
