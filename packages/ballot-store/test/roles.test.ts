import { readFileSync } from 'node:fs';
import { startTestPostgres } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { type Client, openClient } from '../src/connection.ts';
import { joinWorkers } from '../src/membership.ts';
import { migrateSchema } from '../src/migrate.ts';
import { takePartition } from '../src/own-partition.ts';
import { setUpSystem } from '../src/system.ts';
import { connectForTests } from './support/store-fixture.ts';

const server = await startTestPostgres();
const superuser = await connectForTests(await server.createDatabase('hbf'));

const urlOf = (role: string, database: string) => {
  const url = new URL(server.urlOf(database));
  url.username = role;
  return url.href;
};
const connectAs = (role: string) => connectForTests(urlOf(role, 'hbf'));

/** What infra/postgres/roles.sh gives to psql, but for the passwords, which psql reads from files. */
function rolesScript(): string {
  const script = readFileSync(new URL('../../../infra/postgres/roles.sh', import.meta.url), 'utf8');
  const [, sql] = /<<'SQL'\n(.*)^SQL$/ms.exec(script)!;
  return sql!.replaceAll(/^\\set.*$/gm, '').replaceAll(/:('\w+')/g, '$1');
}

/** The code of the error, or 'done'. */
const outcome = (client: Client, statement: string) =>
  client.query(statement).then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );

const INSUFFICIENT_PRIVILEGE = '42501';
const TOO_MANY_CONNECTIONS = '53300';

await superuser.query(rolesScript());
const worker = await connectAs('worker');
await migrateSchema(worker);
await setUpSystem(worker, 4);
const result = await connectAs('result');

describe("result's role", () => {
  it('reads the tallies and hears of changes', async () => {
    expect(await outcome(result, 'SELECT * FROM tallies, ballots, turnout_points')).toBe('done');
    expect(await outcome(result, 'LISTEN tally')).toBe('done');
  });

  it.for([
    'UPDATE tallies SET votes = 0',
    'SELECT * FROM partitions FOR UPDATE',
    'CREATE TABLE mine (id int)',
    'CREATE TEMPORARY TABLE mine (id int)',
    "SELECT lo_from_bytea(0, 'mine')",
    'SELECT lo_create(0)',
    'SELECT lo_creat(-1)',
    "SELECT lowrite(0, 'mine')",
    'SELECT pg_try_advisory_lock(1, 2)',
    'SELECT pg_advisory_lock(1)',
    'SELECT pg_advisory_xact_lock_shared(1, 2)',
    "SELECT pg_logical_emit_message(false, 'mine', 'mine')",
    'SELECT pg_export_snapshot()',
    'SET temp_file_limit = -1',
    'ALTER ROLE result SET temp_file_limit = -1',
    'ALTER ROLE result CONNECTION LIMIT -1',
  ])('is refused: %s', async (statement) => {
    expect(await outcome(result, statement)).toBe(INSUFFICIENT_PRIVILEGE);
  });

  it('may call no function that takes a lock for itself or makes a large object', async () => {
    const { rows } = await superuser.query(`
      SELECT oid::regprocedure FROM pg_proc
      WHERE proname ~ 'advisory|^lo_|^lo(read|write)$' AND has_function_privilege('result', oid, 'EXECUTE')`);
    expect(rows).toEqual([]);
  });

  it.for(['postgres', 'template1'])('reaches no other database: %s', async (database) => {
    await expect(openClient(urlOf('result', database), 'hbf-test')).rejects.toMatchObject({
      code: INSUFFICIENT_PRIVILEGE,
    });
  });

  it('cannot sort more on the disk than it may', async () => {
    const sorting =
      'SELECT count(*) FROM (SELECT i, repeat($$x$$, 100) FROM generate_series(1, 2000000) i ORDER BY 2, 1) s';
    const CONFIGURATION_LIMIT_EXCEEDED = '53400';
    expect(await outcome(result, sorting)).toBe(CONFIGURATION_LIMIT_EXCEEDED);
  });

  it('leaves connections to the workers, however many it takes', async () => {
    const taken: Client[] = [];
    try {
      let refusal: unknown;
      while (refusal === undefined && taken.length < 100) {
        try {
          taken.push(await openClient(urlOf('result', 'hbf'), 'hbf-test'));
        } catch (error) {
          refusal = error;
        }
      }
      expect(refusal).toMatchObject({ code: TOO_MANY_CONNECTIONS });
      // Those above are its too.
      expect(taken).toHaveLength(39);
      await (await openClient(urlOf('worker', 'hbf'), 'hbf-test')).end();
    } finally {
      await Promise.all(taken.map((client) => client.end()));
    }
  });
});

describe("the exporter's role", async () => {
  const exporter = await connectAs('exporter');

  it.for([
    "SELECT pg_database_size('postgres')",
    'SELECT query FROM pg_stat_activity',
    'SELECT * FROM pg_ls_waldir()',
  ])('reads what the server tells of itself: %s', async (statement) => {
    expect(await outcome(exporter, statement)).toBe('done');
  });

  it.for([
    'SELECT * FROM ballots',
    'SELECT * FROM tallies',
    'CREATE TABLE mine (id int)',
    'CREATE TEMPORARY TABLE mine (id int)',
    'SET ROLE worker',
    'SELECT pg_try_advisory_lock(1, 2)',
    "SELECT pg_read_file('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    'ALTER ROLE exporter CONNECTION LIMIT -1',
    'SET temp_file_limit = -1',
  ])('is refused: %s', async (statement) => {
    expect(await outcome(exporter, statement)).toBe(INSUFFICIENT_PRIVILEGE);
  });
});

describe("the worker's role", () => {
  it('takes part, takes partitions over and tells of changes', async () => {
    expect(await joinWorkers(worker)).toBeGreaterThan(0);
    expect(await takePartition(worker, 0)).toMatchObject({ epoch: 1 });
    expect(await outcome(worker, 'NOTIFY tally')).toBe('done');
  });
});

describe('the script of the roles', () => {
  it('can be run again, over rights that were given since, while workers run', async () => {
    await superuser.query(`
      GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC;
      GRANT ALL ON DATABASE postgres TO PUBLIC;
      ALTER ROLE result CONNECTION LIMIT -1`);
    await superuser.query(rolesScript());
    expect(await outcome(result, 'SELECT lo_create(0)')).toBe(INSUFFICIENT_PRIVILEGE);
    expect(await migrateSchema(worker)).toEqual([]);
    expect(await takePartition(worker, 1)).toMatchObject({ epoch: 1 });
  });
});
