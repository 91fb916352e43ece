import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startTestPostgres } from '@hbf/local-services/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPool, openSession, SESSION_TIMEOUT_MS } from '../src/connection.ts';
import { takePartition } from '../src/own-partition.ts';
import { createStore } from './support/store-fixture.ts';

const { client, url } = await createStore();

const partitionLocks = async () => {
  const { rows } = await client.query(`SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
  return rows[0].n as number;
};

async function open(databaseUrl = url) {
  const session = await openSession(databaseUrl, 'hbf-test');
  onTestFinished(() => session.close());
  return session;
}

/** Blocks this process's event loop, as a long computation would. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Starts a process that holds partition 0, and collects what it prints. */
async function startHolder(state: 'idle' | 'begun'): Promise<{ process: ChildProcess; said(): string }> {
  const program = fileURLToPath(new URL('fixtures/hold-partition.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, url, state], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout!.on('data', (data) => {
    said += data;
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await expect.poll(() => said, { timeout: 15_000 }).toContain('held');
  return { process: child, said: () => said };
}

describe('a session', () => {
  it('stays alive for many times its time-out while its process lives, idle and in a transaction', async () => {
    const [idle, begun] = [await open(), await open()];
    const backend = async (session: typeof idle) =>
      (await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
    const before = [await backend(idle), await backend(begun)];
    await begun.query('BEGIN');
    const until = performance.now() + 3 * SESSION_TIMEOUT_MS;
    await expect.poll(() => performance.now(), { timeout: 20_000, interval: 200 }).toBeGreaterThan(until);
    expect([await backend(idle), await backend(begun)]).toEqual(before);
    expect([idle.lost, begun.lost]).toEqual([undefined, undefined]);
  });

  it.each(['idle', 'begun'] as const)(
    'frees its lock soon after its process is stopped (%s), and learns that it is lost',
    async (state) => {
      const holder = await startHolder(state);
      expect(await takePartition(client, 0)).toBeUndefined();
      holder.process.kill('SIGSTOP');
      const stopped = performance.now();
      await expect.poll(partitionLocks, { timeout: 10_000, interval: 20 }).toBe(0);
      const freed = performance.now() - stopped;
      // The last touch may have been half a second before the stop; the upper bound leaves room for a busy machine.
      expect(freed).toBeGreaterThan(SESSION_TIMEOUT_MS - 1_000);
      expect(freed).toBeLessThan(SESSION_TIMEOUT_MS + 2_000);
      const exited = once(holder.process, 'exit');
      holder.process.kill('SIGCONT');
      expect(await exited).toEqual([0, null]);
      expect(holder.said()).toContain('lost: ');
    },
  );

  it('frees its lock at once when its process is killed', async () => {
    const holder = await startHolder('begun');
    holder.process.kill('SIGKILL');
    await expect.poll(partitionLocks, { timeout: 5_000 }).toBe(0);
  });

  it('is lost when this process does not run its event loop for too long', async () => {
    const session = await open();
    await takePartition(session, 1);
    block(SESSION_TIMEOUT_MS + 1_000);
    await expect.poll(() => session.lost).toBeInstanceOf(Error);
    await expect(session.query('SELECT 1')).rejects.toThrow(session.lost!.message);
    expect(await partitionLocks()).toBe(0);
  });

  it('ends a statement that takes too long, and can go on', async () => {
    const session = await open();
    await expect(session.query('SELECT pg_sleep(10)')).rejects.toMatchObject({ code: '57014' });
    expect(session.lost).toBeUndefined();
    expect((await session.query('SELECT 7 AS n')).rows).toEqual([{ n: 7 }]);
  });

  it('runs queries in the order in which they were asked, and one that fails does not disturb the next', async () => {
    const session = await open();
    const order: number[] = [];
    const ask = (n: number, text: string) =>
      session.query(text).then(
        () => order.push(n),
        () => order.push(-n),
      );
    await Promise.all([ask(1, 'SELECT pg_sleep(0.05)'), ask(2, 'SELECT 1/0'), ask(3, 'SELECT 1')]);
    expect(order).toEqual([1, -2, 3]);
  });

  it('waits for its commits, whatever the server would do', async () => {
    await client.query(`DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`);
    const session = await open();
    expect((await session.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
  });

  it('is lost when PostgreSQL ends it, and says so', async () => {
    const session = await open();
    const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await client.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    await expect.poll(() => session.lost).toBeInstanceOf(Error);
    await expect(session.query('SELECT 1')).rejects.toThrow();
    await session.close();
  });

  it('is lost when PostgreSQL stops answering, and closes without waiting for it', async () => {
    const server = await startTestPostgres();
    const session = await open(server.url);
    await server.kill('SIGSTOP');
    onTestFinished(() => server.kill('SIGCONT'));
    await expect.poll(() => session.lost, { timeout: 10_000 }).toBeInstanceOf(Error);
    const other = openSession(server.url, 'hbf-test');
    await expect(other).rejects.toThrow();
    const began = performance.now();
    await session.close();
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('gives its lock back when it is closed, also twice', async () => {
    const session = await open();
    await takePartition(session, 1);
    // Left alone, it would not be given back.
    await session.query('SET idle_session_timeout = 0');
    await session.close();
    await session.close();
    await expect.poll(partitionLocks).toBe(0);
  });
});

describe('createPool', () => {
  it('gives up a query that takes too long, and outlives a PostgreSQL that is killed', async () => {
    const server = await startTestPostgres();
    const pool = createPool(server.url, 'hbf-test', { max: 2, timeoutMs: 1_000 });
    onTestFinished(() => pool.end());
    await expect(pool.query('SELECT pg_sleep(10)')).rejects.toThrow();
    expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
    await server.kill('SIGKILL');
    await expect(pool.query('SELECT 1')).rejects.toThrow();
    await server.start();
    await expect
      .poll(() =>
        pool.query('SELECT 1 AS n').then(
          ({ rows }) => rows,
          () => [],
        ),
      )
      .toEqual([{ n: 1 }]);
  });
});
