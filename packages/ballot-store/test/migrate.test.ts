import { createTestDatabase } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { migrateSchema } from '../src/migrate.ts';
import { durabilityFaults, readSystem, setUpSystem } from '../src/system.ts';
import { connectForTests } from './support/store-fixture.ts';

const ALL = ['1 create-the-schema', '2 keep-turnout-over-time'];

describe('migrateSchema', () => {
  it('brings an empty database to the newest version, and then has nothing to do', async () => {
    const client = await connectForTests(await createTestDatabase());
    expect(await readSystem(client)).toBeUndefined();
    expect(await migrateSchema(client)).toEqual(ALL);
    expect(await migrateSchema(client)).toEqual([]);
    // The tables are there, and the system is not set up by that alone.
    expect(await readSystem(client)).toBeUndefined();
  });

  it('lets several processes take turns: one migrates, the others find it done', async () => {
    const url = await createTestDatabase();
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectForTests(url)));
    const applied = await Promise.all(clients.map(migrateSchema));
    expect(applied.flat()).toEqual(ALL);
  });

  it('refuses when a migration was edited after it ran', async () => {
    const client = await connectForTests(await createTestDatabase());
    await migrateSchema(client);
    await client.query(`UPDATE schema_version SET md5 = 'edited' WHERE version = 1`);
    await expect(migrateSchema(client)).rejects.toThrow(/MD5/i);
  });

  it('leaves nothing of a migration that fails half-way', async () => {
    const client = await connectForTests(await createTestDatabase());
    await client.query('CREATE TABLE acknowledged_losses (id int)');
    await expect(migrateSchema(client)).rejects.toThrow('already exists');
    expect(await readSystem(client)).toBeUndefined();
    await client.query('DROP TABLE acknowledged_losses');
    expect(await migrateSchema(client)).toEqual(ALL);
  });
});

describe('setUpSystem', () => {
  it('gives the system an id and its partitions once; what a later call says changes nothing', async () => {
    const client = await connectForTests(await createTestDatabase());
    await migrateSchema(client);
    const system = await setUpSystem(client, 3);
    expect(system).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), partitions: 3, pollsRevision: 0 });
    expect(await setUpSystem(client, 8)).toEqual(system);
    expect(await readSystem(client)).toEqual(system);
    const { rows } = await client.query('SELECT partition FROM partitions ORDER BY 1');
    expect(rows.map(({ partition }) => partition)).toEqual([0, 1, 2]);
  });

  it('makes one system when several processes set it up at once', async () => {
    const url = await createTestDatabase();
    const clients = await Promise.all(Array.from({ length: 4 }, () => connectForTests(url)));
    await migrateSchema(clients[0]!);
    const systems = await Promise.all(clients.map((client, i) => setUpSystem(client, 2 + i)));
    expect(new Set(systems.map(({ id }) => id)).size).toBe(1);
    const { rows } = await clients[0]!.query('SELECT count(*) AS n FROM partitions');
    expect(rows[0].n).toBe(systems[0]!.partitions);
  });
});

describe('durabilityFaults', () => {
  it('finds nothing wrong with a PostgreSQL as it comes, and names commits that are not waited for', async () => {
    const client = await connectForTests(await createTestDatabase());
    expect(await durabilityFaults(client)).toEqual([]);
    await client.query('SET synchronous_commit = off');
    expect(await durabilityFaults(client)).toEqual(['synchronous_commit is "off" and must be "on"']);
  });
});
