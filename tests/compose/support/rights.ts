import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { until } from '@hbf/drills/until';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { run } from './containers.ts';
import type { Release } from './release.ts';

/** That each service may do in the stores what it must, and nothing else. */
export function testRights(release: Release): void {
  function connectToDatabase(secret: string, database = 'hbf'): pg.Client {
    const url = new URL(release.storeUrl(secret));
    url.pathname = `/${database}`;
    return new pg.Client({ connectionString: url.href });
  }

  async function asDatabaseRole(secret: string, statements: readonly string[]): Promise<string[]> {
    const client = connectToDatabase(secret);
    await client.connect();
    const answers: string[] = [];
    for (const statement of statements) {
      answers.push(
        await client.query(statement).then(
          () => 'done',
          (error: { code?: string }) => error.code ?? String(error),
        ),
      );
    }
    await client.end();
    return answers;
  }

  /** The first word of each error. */
  async function asRedisUser(secret: string, commands: readonly string[][]): Promise<string[]> {
    const client = connectRedis(release.storeUrl(secret), () => {});
    try {
      await untilReady(client, 5_000);
      const answers: string[] = [];
      for (const [name, ...args] of commands) {
        answers.push(
          await client.call(name!, ...args).then(
            () => 'done',
            (error: Error) => error.message.split(' ')[0]!,
          ),
        );
      }
      return answers;
    } finally {
      client.disconnect();
    }
  }

  const INSUFFICIENT_PRIVILEGE = '42501';
  const TOO_MANY_CONNECTIONS = '53300';
  const refusedByPostgres = (statements: readonly string[]) => statements.map(() => INSUFFICIENT_PRIVILEGE);
  const refusedByRedis = (commands: readonly string[][]) => commands.map(() => 'NOPERM');

  describe('who may do what in the stores', () => {
    it("result's role reads the tallies and listens, and can change no row, make nothing and take no worker's lock", async () => {
      const reading = ['SELECT * FROM tallies', 'SELECT * FROM ballots', 'LISTEN tally'];
      expect(await asDatabaseRole('database_url_result', reading)).toEqual(['done', 'done', 'done']);
      const writing = [
        'UPDATE tallies SET votes = 0',
        'DELETE FROM ballots',
        "INSERT INTO turnouts VALUES ('faults', 0, 1)",
        'TRUNCATE ballots',
        'CREATE TABLE mine (id int)',
        'CREATE TEMPORARY TABLE mine (id int)',
        'CREATE ROLE mine',
        'SET ROLE worker',
        "COPY ballots TO PROGRAM 'cat'",
        "SELECT lo_from_bytea(0, 'mine')",
        "SELECT pg_logical_emit_message(false, 'mine', 'mine')",
        'SELECT pg_try_advisory_lock(1, 2)',
        'SET temp_file_limit = -1',
      ];
      expect(await asDatabaseRole('database_url_result', writing)).toEqual(refusedByPostgres(writing));
    });

    it.for(['postgres', 'template1'])("result's role cannot reach the database %s", async (database) => {
      const client = connectToDatabase('database_url_result', database);
      await expect(client.connect()).rejects.toMatchObject({ code: INSUFFICIENT_PRIVILEGE });
    });

    it("result's role leaves connections to the worker's, however many it takes", async () => {
      const taken: pg.Client[] = [];
      const take = async (): Promise<string | undefined> => {
        const client = connectToDatabase('database_url_result');
        const failure = await client.connect().then(
          () => undefined,
          (error: { code?: string }) => error.code ?? String(error),
        );
        if (failure === undefined) taken.push(client);
        return failure;
      };
      try {
        let failure: string | undefined;
        // As many as PostgreSQL takes of all.
        while (failure === undefined && taken.length < 60) failure = await take();
        expect(failure).toBe(TOO_MANY_CONNECTIONS);
        expect(await asDatabaseRole('database_url_worker', ['SELECT 1'])).toEqual(['done']);
      } finally {
        await Promise.all(taken.map((client) => client.end()));
      }
    });

    it("the worker's role owns the database and is no superuser", async () => {
      const beyond = [
        'CREATE ROLE mine',
        'SET fsync = off',
        "COPY ballots TO PROGRAM 'cat'",
        'SET ROLE postgres',
      ];
      // 55P02: fsync can be changed by nobody while the server runs.
      expect(await asDatabaseRole('database_url_worker', beyond)).toEqual([
        INSUFFICIENT_PRIVILEGE,
        '55P02',
        INSUFFICIENT_PRIVILEGE,
        INSUFFICIENT_PRIVILEGE,
      ]);
      expect(await asDatabaseRole('database_url_worker', ['ALTER SYSTEM SET fsync = off'])).toEqual([
        INSUFFICIENT_PRIVILEGE,
      ]);
    });

    it("vote's user can configure nothing, open and close no poll, and touch nothing but what it appends to", async () => {
      const beyond = [
        ['FLUSHALL'],
        ['CONFIG', 'SET', 'appendfsync', 'no'],
        ['CONFIG', 'GET', '*'],
        ['DEL', 'hbf:{0}:ballots'],
        ['XTRIM', 'hbf:{0}:ballots', 'MAXLEN', '0'],
        ['HSET', 'hbf:system', 'id', 'mine'],
        ['HSET', 'hbf:polls', 'revision', '99'],
        ['HSET', 'hbf:{0}:polls', 'best-friend', '0 0 1'],
        ['EVAL', 'return 1', '1', 'hbf:{0}:polls'],
        ['HGET', 'other', 'key'],
        ['EVAL', "return redis.call('DEL', KEYS[1])", '1', 'other'],
        ['KEYS', '*'],
        ['ACL', 'LIST'],
        ['SHUTDOWN'],
        ['REPLICAOF', 'mine', '6379'],
        ['MODULE', 'LIST'],
      ];
      expect(await asRedisUser('redis_url_vote', beyond)).toEqual(refusedByRedis(beyond));
      // In a script too, on a key that it may use.
      const script = [
        ['EVAL', "return redis.call('DEL', KEYS[1])", '1', 'hbf:{0}:ballots'],
        ['EVAL', "return redis.call('HSET', ARGV[1], 'best-friend', '0 0 1')", '0', 'hbf:{0}:polls'],
      ];
      expect(await asRedisUser('redis_url_vote', script)).not.toContain('done');
    });

    it("the worker's user reads the configuration, and can change neither it nor the users", async () => {
      expect(await asRedisUser('redis_url_worker', [['CONFIG', 'GET', 'appendfsync']])).toEqual(['done']);
      const beyond = [
        ['FLUSHALL'],
        ['CONFIG', 'SET', 'appendfsync', 'no'],
        ['ACL', 'LIST'],
        ['SHUTDOWN'],
        ['SET', 'other', '1'],
      ];
      expect(await asRedisUser('redis_url_worker', beyond)).toEqual(refusedByRedis(beyond));
    });

    it("the exporters' users read what the stores tell of themselves, and no ballot", async () => {
      expect(await asRedisUser('redis_exporter_passwords', [['INFO', 'ALL'], ['PING']])).toEqual([
        'done',
        'done',
      ]);
      const beyondInfo = [
        ['XRANGE', 'hbf:{0}:ballots', '-', '+'],
        ['HGETALL', 'hbf:polls'],
        ['SLOWLOG', 'GET'],
        ['CLIENT', 'LIST'],
        ['CONFIG', 'GET', '*'],
        ['MONITOR'],
        ['EVAL', 'return 1', '0'],
        ['FLUSHALL'],
      ];
      expect(await asRedisUser('redis_exporter_passwords', beyondInfo)).toEqual(refusedByRedis(beyondInfo));
      const figures = [
        "SELECT pg_database_size('postgres')",
        'SELECT * FROM pg_stat_activity',
        'SELECT * FROM pg_ls_waldir()',
      ];
      expect(await asDatabaseRole('postgres_exporter_password', figures)).toEqual(['done', 'done', 'done']);
      const beyondFigures = [
        'SELECT * FROM ballots',
        'SELECT * FROM tallies',
        'CREATE TABLE mine (id int)',
        'CREATE TEMPORARY TABLE mine (id int)',
        'SET ROLE worker',
        'SELECT pg_try_advisory_lock(1, 2)',
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
        'SET temp_file_limit = -1',
      ];
      expect(await asDatabaseRole('postgres_exporter_password', beyondFigures)).toEqual(
        refusedByPostgres(beyondFigures),
      );
    });

    it('whoever has no password gets nothing from Redis, and as "health" a PONG', async () => {
      const ask = (...args: string[]) =>
        run(release.container('redis'), 'redis-cli', '--no-auth-warning', ...args);
      expect(await ask('ping')).toMatch(/^NOAUTH/);
      expect(await ask('--user', 'default', '--pass', 'any', 'ping')).toMatch(/NOAUTH/);
      expect(await ask('--user', 'health', '--pass', 'any', 'ping')).toBe('PONG\n');
      expect(await ask('--user', 'health', '--pass', 'any', 'info')).toMatch(/^NOPERM/);
    });

    it('whoever has no password gets nothing from the store of the limits, in which vote counts', async () => {
      const ask = (...args: string[]) =>
        run(release.container('limits'), 'redis-cli', '--no-auth-warning', ...args);
      expect(await ask('ping')).toMatch(/^NOAUTH/);
      expect(await ask('--user', 'health', '--pass', 'any', 'ping')).toBe('PONG\n');
      expect(await ask('--user', 'health', '--pass', 'any', 'info')).toMatch(/^NOPERM/);
      const vote = release.replicas.find(({ app }) => app === 'vote')!;
      await until('it is there', async () => /^limits_store_away 0$/m.test(await vote.metrics()));
    });

    it('the services were refused nothing', async () => {
      const asOperator =
        'REDISCLI_AUTH=$(cat /run/secrets/redis_operator_password) exec redis-cli --user operator';
      const log = await run(release.container('redis'), 'sh', '-c', `${asOperator} acl log`);
      const clients = [...log.matchAll(/client-info\n.*? laddr=(\S+)/g)].map(([, address]) => address);
      // What these tests tried is written down there, and came from inside the container.
      expect(clients.length).toBeGreaterThan(0);
      expect(clients.filter((address) => !address!.startsWith('127.0.0.1:'))).toEqual([]);
    });
  });
}
