import { readFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, isFree } from '../src/free-port.ts';
import { findProcess } from '../src/process-table.ts';
import { startRedis } from '../src/redis.ts';
import { makeTestDirectory, startTestRedis } from '../src/testing.ts';

/** Sends one command in Redis's inline form and gives the raw reply. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => socket.write(`${command}\r\n`));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

const redis = await startTestRedis();

test('is durable: it fsyncs each write and evicts nothing', async () => {
  expect(await ask(redis.port, 'CONFIG GET appendonly')).toContain('yes');
  expect(await ask(redis.port, 'CONFIG GET appendfsync')).toContain('always');
  expect(await ask(redis.port, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
  expect(await ask(redis.port, 'CONFIG GET bind')).toContain('\r\n127.0.0.1\r\n');
});

test.skipIf(process.platform !== 'linux')('has the environment that it is given', async () => {
  const own = await startTestRedis({ env: { PATH: process.env.PATH, TZ: 'Asia/Tokyo' } });
  expect(await readFile(`/proc/${own.pid}/environ`, 'utf8')).toContain('TZ=Asia/Tokyo');
});

test('keeps its data and its port over kill -9', async () => {
  await ask(redis.port, 'SET animal cat');
  const before = redis.pid;
  await redis.kill('SIGKILL');
  expect(findProcess(before)).toBeUndefined();
  expect(redis.running).toBe(false);
  await redis.start();
  expect(redis.pid).not.toBe(before);
  expect(await ask(redis.port, 'GET animal')).toBe('$3\r\ncat\r\n');
});

test('keeps its data over a clean stop, and a second stop is no error', async () => {
  await ask(redis.port, 'SET other dog');
  await redis.stop();
  await redis.stop();
  expect(await isFree(redis.port)).toBe(true);
  await redis.start();
  expect(await ask(redis.port, 'GET other')).toBe('$3\r\ndog\r\n');
});

test('freezes at SIGSTOP and goes on at SIGCONT', async () => {
  await redis.kill('SIGSTOP');
  let answered = false;
  const reply = ask(redis.port, 'PING').then((text) => {
    answered = true;
    return text;
  });
  await expect.poll(() => findProcess(redis.pid)?.state).toBe('T');
  expect(answered).toBe(false);
  await redis.kill('SIGCONT');
  expect(await reply).toBe('+PONG\r\n');
});

test('tells of each exit, and whether it was asked for', async () => {
  const exits: boolean[] = [];
  const off = redis.onExit((exit) => exits.push(exit.expected));
  process.kill(redis.pid, 'SIGKILL');
  await expect.poll(() => exits).toEqual([false]);
  await redis.start();
  await redis.stop();
  expect(exits).toEqual([false, true]);
  off();
  await redis.start();
});

test('says which port is taken, for whom, and by whom', async () => {
  const port = await freePort();
  const holder = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const dataDir = makeTestDirectory();
  await expect(startRedis({ dataDir, port })).rejects.toThrow(
    new RegExp(`Port ${port}, which Redis needs, is taken.*process ${process.pid}: `),
  );
  holder.close();
});

test('tells in the error what Redis wrote when it does not come up', async () => {
  await expect(
    startRedis({ dataDir: makeTestDirectory(), settings: { 'no-such-setting': '1' } }),
  ).rejects.toThrow(/no-such-setting/);
});
