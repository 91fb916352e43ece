import { lstat, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../src/postgres.ts';
import { childrenOf, findProcess, isAlive } from '../src/process-table.ts';
import { createTestDatabase, makeTestDirectory, startTestPostgres } from '../src/testing.ts';

async function rows(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  await client.connect();
  return client
    .query(text)
    .then((result) => result.rows)
    .finally(() => client.end());
}

const postgres = await startTestPostgres();

test('is durable, checks its pages, and speaks UTF-8', async () => {
  for (const [name, value] of Object.entries({
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    data_checksums: 'on',
    server_encoding: 'UTF8',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  })) {
    expect(await rows(postgres.url, `SHOW ${name}`)).toEqual([{ [name]: value }]);
  }
});

test('keeps what was committed over kill -9 of the postmaster, and leaves no child behind', async () => {
  const url = await postgres.createDatabase('kept');
  await rows(url, 'CREATE TABLE animals AS SELECT 1 AS id');
  const before = postgres.pid;
  const children = childrenOf(before);
  expect(children.length).toBeGreaterThan(3);
  await postgres.kill('SIGKILL');
  expect(findProcess(before)).toBeUndefined();
  expect(children.filter(isAlive)).toEqual([]);
  await postgres.start();
  expect(await rows(url, 'SELECT id FROM animals')).toEqual([{ id: 1 }]);
});

test.each(['smart', 'fast', 'immediate'] as const)('comes back after a stop that is %s', async (mode) => {
  await postgres.stop(mode);
  expect(postgres.running).toBe(false);
  await postgres.start();
  expect(await rows(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('freezes as a whole, and goes on with the sessions it had', async () => {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await postgres.kill('SIGSTOP');
  let answered = false;
  const reply = client.query('SELECT 2 AS two').finally(() => {
    answered = true;
  });
  const states = () =>
    [postgres.pid, ...childrenOf(postgres.pid).map((row) => row.pid)].map((pid) => findProcess(pid)?.state);
  await expect.poll(() => states().every((state) => state === 'T')).toBe(true);
  expect(answered).toBe(false);
  await postgres.kill('SIGCONT');
  expect((await reply).rows).toEqual([{ two: 2 }]);
  await client.end();
});

test('is stopped even while it is frozen', async () => {
  await postgres.kill('SIGSTOP');
  await postgres.stop();
  expect(postgres.running).toBe(false);
  await postgres.start();
});

test('drops a database that is in use', async () => {
  const client = new Client({ connectionString: await postgres.createDatabase('in use') });
  client.on('error', () => {});
  await client.connect();
  await postgres.dropDatabase('in use');
  await postgres.dropDatabase('in use');
  await expect(rows(postgres.urlOf('in use'), 'SELECT 1')).rejects.toThrow(/does not exist/);
});

test('asks for the password that its cluster was made with', async () => {
  const dataDir = makeTestDirectory('postgres');
  const first = await startPostgres({ dataDir, password: 'p@ss word' });
  try {
    expect(await rows(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await expect(rows(first.url.replace('p%40ss', 'pass'), 'SELECT 1')).rejects.toThrow(/password/);
  } finally {
    await first.stop('immediate');
  }
  await expect(startPostgres({ dataDir, password: 'another' })).rejects.toThrow(/password/);
});

test('refuses a directory that holds something else', async () => {
  const dataDir = makeTestDirectory('postgres');
  await writeFile(`${dataDir}/notes.txt`, 'mine');
  await expect(startPostgres({ dataDir })).rejects.toThrow(/no PostgreSQL data/);
});

test('gives each caller an empty database of its own', async () => {
  const [one, other] = [await createTestDatabase(), await createTestDatabase()];
  expect(one).not.toBe(other);
  await rows(one, 'CREATE TABLE mine AS SELECT 1');
  await expect(rows(other, 'SELECT * FROM mine')).rejects.toThrow(/does not exist/);
});

test.runIf(process.getuid?.() === 0)(
  'finds another place where its own user cannot go, and a link leads there',
  async () => {
    const closed = makeTestDirectory();
    const dataDir = join(closed, 'postgres');
    const first = await startPostgres({ dataDir });
    await rows(first.url, 'CREATE TABLE animals AS SELECT 1 AS id');
    await first.stop();
    expect((await lstat(dataDir)).isSymbolicLink()).toBe(true);
    const again = await startPostgres({ dataDir });
    try {
      expect(await rows(again.url, 'SELECT id FROM animals')).toEqual([{ id: 1 }]);
    } finally {
      await again.stop('immediate');
      await rm(await readlink(dataDir), { recursive: true });
    }
  },
);
