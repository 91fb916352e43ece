import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, test, vi } from 'vitest';
import { childrenOf, commandOf, findProcess, isAlive } from '../src/process-table.ts';
import { startTestPostgres, startTestRedis } from '../src/testing.ts';
import { allGone, FakeRun, makeFakeSystem, startScript } from './start-fixture.ts';

// Each test starts the system at least once.
vi.setConfig({ testTimeout: 60_000 });

const redis = await startTestRedis();
const postgres = await startTestPostgres();
const RUNNING = /Ctrl-C stops everything/;

const told = async (port: number) =>
  (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as {
    redis: string;
    database: string;
    keys: string;
  };

test('starts all in order, tells where it is, and Ctrl-C stops all in reverse', async () => {
  const system = await makeFakeSystem();
  const run = new FakeRun(system);
  await run.says(RUNNING);
  expect(run.output).toContain(`http://localhost:${system.ports.first}`);
  expect(run.output).toMatch(/Redis ….*PostgreSQL ….*database ….*first ….*second …/s);
  await fetch(`http://127.0.0.1:${system.ports.first}/warn`);
  await run.says(/first: warn: it is cold/);
  expect(run.output).not.toContain('nobody is here yet');
  expect(run.output).not.toContain('listening');
  expect(readFileSync(join(system.spec.stateDir, 'logs', 'first.log'), 'utf8')).toContain('listening');
  const processes = system.processes();
  expect(Object.keys(processes)).toEqual(['Redis', 'PostgreSQL', 'set-up', 'first', 'second']);
  run.child.kill('SIGINT');
  // npm passes the same Ctrl-C on once more.
  run.child.kill('SIGINT');
  expect(await run.ends()).toBe(0);
  // They start side by side.
  expect(system.trace().slice(0, 2).sort()).toEqual(['first start', 'second start']);
  expect(system.trace().slice(2)).toEqual(['second stop', 'first stop']);
  await allGone(processes);
});

test('keeps its keys and its data over a second start', async () => {
  const system = await makeFakeSystem();
  const secrets = join(system.spec.stateDir, 'secrets.json');
  const sql = async (text: string) => {
    const client = new Client({ connectionString: (await told(system.ports.first)).database });
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows;
  };
  const first = new FakeRun(system);
  await first.says(RUNNING);
  const { keys } = await told(system.ports.first);
  expect(keys).toMatch(/^k1:[0-9a-f]{64}$/);
  expect(statSync(secrets).mode & 0o777).toBe(0o600);
  await sql('CREATE TABLE kept AS SELECT 7 AS id');
  first.child.kill('SIGTERM');
  expect(await first.ends()).toBe(0);
  const second = new FakeRun(system);
  await second.says(RUNNING);
  expect((await told(system.ports.second)).keys).toBe(keys);
  expect(await sql('SELECT id FROM kept')).toEqual([{ id: 7 }]);
  second.child.kill('SIGHUP');
  expect(await second.ends()).toBe(0);
});

test('restarts a service and each store that dies, and says so', async () => {
  const system = await makeFakeSystem();
  const run = new FakeRun(system);
  await run.says(RUNNING);
  const before = system.processes();
  await fetch(`http://127.0.0.1:${system.ports.second}/die`).catch(() => {});
  await run.says(/second ended \(exit code 3\); starting it again/);
  await run.says(/second is back/);
  process.kill(before.Redis!.pid, 'SIGKILL');
  await run.says(/Redis ended \(killed by SIGKILL\)/);
  await run.says(/Redis is back/);
  process.kill(before.PostgreSQL!.pid, 'SIGKILL');
  await run.says(/PostgreSQL is back/);
  const after = system.processes();
  for (const name of ['second', 'Redis', 'PostgreSQL']) {
    expect(isAlive(before[name]!)).toBe(false);
    expect(isAlive(after[name]!)).toBe(true);
  }
  run.child.kill('SIGINT');
  expect(await run.ends()).toBe(0);
  await allGone(after);
});

test('gives up a service that does not stay up, shows its last words, and stops everything', async () => {
  const system = await makeFakeSystem();
  const [first, second] = system.spec.services;
  system.spec.services = [first!, { ...second!, env: { ...second!.env, BROKEN: 'no such animal' } }];
  const run = new FakeRun(system);
  expect(await run.ends()).toBe(1);
  expect(run.output.match(/second ended \(exit code 1\); starting it again/g)).toHaveLength(4);
  expect(run.output).toMatch(/✗ second does not stay up.*second\.log:\nerror: cannot work: no such animal/s);
  expect(system.trace()).toEqual(['first start', 'first stop']);
});

test('goes on when the set-up only warns, and stops when it fails', async () => {
  const system = await makeFakeSystem();
  const warned = new FakeRun(system, { SET_UP_EXIT: '2' });
  await warned.says(RUNNING);
  expect(warned.output.match(/!! .*/g)).toEqual(['!! the file is refused: line 3']);
  warned.child.kill('SIGINT');
  expect(await warned.ends()).toBe(0);
  const failed = new FakeRun(system, { SET_UP_EXIT: '1' });
  expect(await failed.ends()).toBe(1);
  expect(failed.output).toMatch(/✗ set-up failed \(exit code 1\):.*the file is refused: line 3/s);
  expect(failed.output).not.toContain('Starting first');
});

test('a port that is taken is named, with who wants it and who holds it, before anything is started', async () => {
  const system = await makeFakeSystem();
  const holder = createServer().listen(system.ports.second, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const run = new FakeRun(system);
  expect(await run.ends()).toBe(1);
  holder.close();
  expect(run.output).toMatch(
    new RegExp(`Port ${system.ports.second}, which second needs, is taken.*process ${process.pid}: `),
  );
  expect(run.output).toContain('SECOND_PORT=');
  expect(run.output).not.toContain('Starting');
});

test('refuses to start twice, and the first one does not mind', async () => {
  const system = await makeFakeSystem();
  const first = new FakeRun(system);
  await first.says(RUNNING);
  const second = new FakeRun(system);
  expect(await second.ends()).toBe(1);
  expect(second.output).toMatch(new RegExp(`running already, as process ${first.child.pid}`));
  first.child.kill('SIGINT');
  expect(await first.ends()).toBe(0);
});

test('kill -9 leaves no process, and the next start takes over at once', async () => {
  const system = await makeFakeSystem();
  const first = new FakeRun(system);
  await first.says(RUNNING);
  const processes = system.processes();
  const backends = childrenOf(processes.PostgreSQL!.pid);
  first.child.kill('SIGKILL');
  const second = new FakeRun(system);
  await second.says(RUNNING);
  await allGone({ ...processes, ...Object.fromEntries(backends.map((row) => [`backend ${row.pid}`, row])) });
  second.child.kill('SIGINT');
  expect(await second.ends()).toBe(0);
});

test('kill -9 of the npm that runs it stops everything cleanly', async () => {
  const system = await makeFakeSystem();
  const script = `node ${startScript}`;
  writeFileSync(join(system.directory, 'package.json'), JSON.stringify({ scripts: { start: script } }));
  const run = new FakeRun(system, {}, 'npm', ['start']);
  await run.says(RUNNING);
  const processes = system.processes();
  const { owner } = JSON.parse(readFileSync(join(system.spec.stateDir, 'running.json'), 'utf8'));
  expect(commandOf(run.child.pid!)).toContain('npm');
  run.child.kill('SIGKILL');
  await allGone({ ...processes, owner });
  // Stopped by ourselves, not by the guardian: in order.
  expect(system.trace().slice(2)).toEqual(['second stop', 'first stop']);
});

test('Ctrl-C in the middle of the start stops what has been started', async () => {
  const system = await makeFakeSystem();
  const run = new FakeRun(system);
  await run.says(/Starting PostgreSQL/);
  const { Redis } = system.processes();
  run.child.kill('SIGINT');
  expect(await run.ends()).toBe(0);
  expect(run.output).not.toContain('✗');
  expect(findProcess(Redis!.pid)).toBeUndefined();
});

test('uses the stores that DATABASE_URL and REDIS_URL name, and starts none', async () => {
  const system = await makeFakeSystem();
  const run = new FakeRun(system, { REDIS_URL: redis.url, DATABASE_URL: postgres.url, KEYS: 'k9:00' });
  await run.says(RUNNING);
  expect(Object.keys(system.processes())).toEqual(['set-up', 'first', 'second']);
  expect(await told(system.ports.first)).toEqual({ redis: redis.url, database: postgres.url, keys: 'k9:00' });
  run.child.kill('SIGINT');
  expect(await run.ends()).toBe(0);
  expect(redis.running && postgres.running).toBe(true);
});
