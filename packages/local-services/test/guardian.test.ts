import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { isFree } from '../src/free-port.ts';
import { spawnGuarded } from '../src/guardian.ts';
import { childrenOf, findProcess, isAlive, type ProcessRow } from '../src/process-table.ts';
import { makeTestDirectory } from '../src/testing.ts';

const parents: ChildProcess[] = [];
afterEach(() => {
  for (const parent of parents.splice(0)) parent.kill('SIGKILL');
});

/** Runs a script in a process of its own, and gives the JSON of the first line that it prints. */
async function runParent<T>(script: string): Promise<{ parent: ChildProcess; told: T }> {
  const dist = fileURLToPath(new URL('../dist/', import.meta.url));
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: dist,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  parents.push(parent);
  for await (const line of createInterface({ input: parent.stdout! })) {
    return { parent, told: JSON.parse(line) as T };
  }
  throw new Error('The parent ended without a word');
}

test('a parent that is killed with SIGKILL leaves neither its stores nor their temporary files', async () => {
  const root = makeTestDirectory();
  // PostgreSQL's own user must get through.
  chmodSync(root, 0o755);
  const { parent, told } = await runParent<{ pids: number[]; ports: number[] }>(`
    import { startRedis } from './redis.js';
    import { startPostgres } from './postgres.js';
    import { removeAtEnd } from './guardian.js';
    const root = ${JSON.stringify(root)};
    removeAtEnd(root + '/redis');
    const redis = await startRedis({ dataDir: root + '/redis' });
    const postgres = await startPostgres({ dataDir: root + '/postgres' });
    console.log(JSON.stringify({ pids: [redis.pid, postgres.pid], ports: [redis.port, postgres.port] }));
  `);
  const rows = [...told.pids.map((pid) => findProcess(pid)!), ...childrenOf(told.pids[1]!)];
  expect(rows.every(isAlive)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => rows.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  for (const port of told.ports) expect(await isFree(port)).toBe(true);
  await expect.poll(() => existsSync(join(root, 'redis'))).toBe(false);
  // PostgreSQL took the time to end cleanly: its pid file is its last act.
  expect(existsSync(join(root, 'postgres', 'PG_VERSION'))).toBe(true);
  expect(existsSync(join(root, 'postgres', 'postmaster.pid'))).toBe(false);
});

test('a child that ignores its signal, or is stopped, is ended all the same', {
  timeout: 30_000,
}, async () => {
  const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')`;
  const { parent, told } = await runParent<{ pids: number[] }>(`
    import { once } from 'node:events';
    import { spawnGuarded } from './guardian.js';
    const one = spawnGuarded(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { stdio: 'pipe' });
    const other = spawnGuarded('sleep', ['600'], { stdio: 'ignore' });
    await once(one.stdout, 'data');
    other.kill('SIGSTOP');
    console.log(JSON.stringify({ pids: [one.pid, other.pid] }));
  `);
  const rows = told.pids.map((pid) => findProcess(pid)!);
  parent.kill('SIGKILL');
  await expect.poll(() => isAlive(rows[1]!), { timeout: 5_000 }).toBe(false);
  await expect.poll(() => isAlive(rows[0]!), { timeout: 15_000 }).toBe(false);
});

test.runIf(process.platform === 'linux')(
  'a child of which the parent had no time to tell is found by its mark',
  async () => {
    const { parent, told } = await runParent<{ pids: number[] }>(`
      import { release, spawnGuarded } from './guardian.js';
      const child = spawnGuarded('sleep', ['600'], { stdio: 'ignore' });
      release(child.pid);
      console.log(JSON.stringify({ pids: [child.pid] }));
    `);
    const row = findProcess(told.pids[0]!)!;
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(row), { timeout: 5_000 }).toBe(false);
  },
);

test('a child that was released lives on, and so does one of somebody else', async () => {
  const mine = spawn('sleep', ['600'], { stdio: 'ignore' });
  const { parent, told } = await runParent<{ guardian: number; pid: number }>(`
    import { readdirSync } from 'node:fs';
    import { guard, release } from './guardian.js';
    import { childrenOf } from './process-table.js';
    guard(${mine.pid});
    release(${mine.pid});
    console.log(JSON.stringify({ guardian: childrenOf(process.pid)[0].pid }));
  `);
  const guardian = findProcess(told.guardian)!;
  parent.kill('SIGKILL');
  await expect.poll(() => isAlive(guardian), { timeout: 5_000 }).toBe(false);
  expect(findProcess(mine.pid!)).toBeDefined();
  mine.kill('SIGKILL');
});

test.runIf(process.platform === 'linux')('only the end of its parent ends the guardian', async () => {
  const { parent, told } = await runParent<{ guardian: number; pid: number }>(`
    import { spawnGuarded } from './guardian.js';
    import { childrenOf } from './process-table.js';
    const child = spawnGuarded('sleep', ['600'], { stdio: 'ignore' });
    const guardian = childrenOf(process.pid).find((row) => row.pid !== child.pid);
    console.log(JSON.stringify({ guardian: guardian.pid, pid: child.pid }));
  `);
  const [guardian, child] = [told.guardian, told.pid].map((pid) => findProcess(pid)!) as [
    ProcessRow,
    ProcessRow,
  ];
  const caught = () =>
    Number.parseInt(/SigCgt:\s*(\w+)/.exec(readFileSync(`/proc/${guardian.pid}/status`, 'utf8'))![1]!, 16);
  // It has come so far as to hear signals; SIGHUP, 1, is bit 0, and Node itself does not catch it.
  await expect.poll(() => caught() & 1).not.toBe(0);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(guardian.pid, signal);
  parent.kill('SIGKILL');
  await expect.poll(() => isAlive(child), { timeout: 5_000 }).toBe(false);
  await expect.poll(() => isAlive(guardian), { timeout: 5_000 }).toBe(false);
});

test('a run of vitest that is killed leaves nothing', { timeout: 60_000 }, async () => {
  const root = makeTestDirectory();
  mkdirSync(join(root, 'told'));
  const main = spawnGuarded(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--config',
      'packages/local-services/test/fixtures/vitest.config.ts',
    ],
    {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, TELL: join(root, 'told', 'pids.json') },
    },
  );
  const pids = await expect
    .poll(() => readFile(join(root, 'told', 'pids.json'), 'utf8').catch(() => ''), { timeout: 30_000 })
    .toMatch(/]$/)
    .then(async () => JSON.parse(await readFile(join(root, 'told', 'pids.json'), 'utf8')) as number[]);
  const rows = pids.map((pid) => findProcess(pid)!);
  expect(rows.every(isAlive)).toBe(true);
  main.kill('SIGKILL');
  await expect.poll(() => rows.filter(isAlive), { timeout: 15_000 }).toEqual([]);
});

test('a guardian that is killed is replaced by one that knows as much', async () => {
  const { parent, told } = await runParent<{ first: number; pid: number }>(`
    import { spawnGuarded } from './guardian.js';
    import { childrenOf } from './process-table.js';
    const child = spawnGuarded('sleep', ['600'], { stdio: 'ignore', env: {} });
    const guardian = childrenOf(process.pid).find((row) => row.pid !== child.pid);
    console.log(JSON.stringify({ first: guardian.pid, pid: child.pid }));
    setInterval(() => {}, 1000);
  `);
  const child = findProcess(told.pid)!;
  process.kill(told.first, 'SIGKILL');
  const pids = () => childrenOf(parent.pid!).map((row) => row.pid);
  await expect.poll(() => pids().filter((pid) => pid !== told.first && pid !== told.pid).length).toBe(1);
  expect(isAlive(child)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => isAlive(child), { timeout: 5_000 }).toBe(false);
});
