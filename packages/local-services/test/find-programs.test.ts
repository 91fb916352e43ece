import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findChromium } from '../src/find-chromium.ts';
import { findMonitoring } from '../src/find-monitoring.ts';
import { findRedis } from '../src/find-redis.ts';
import { makeTestDirectory } from '../src/testing.ts';

/** A PATH with nothing on it but these scripts. */
function pathWith(programs: Record<string, string>): string {
  const directory = makeTestDirectory('path');
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

const silent = () => {};

test('takes the Redis on the PATH, and Valkey where there is no Redis', async () => {
  const both = pathWith({
    'redis-server': 'echo Redis server v=8.0.1',
    'valkey-server': 'echo Valkey server v=8.1.0',
  });
  expect(await findRedis(silent, { PATH: both })).toEqual({ command: join(both, 'redis-server') });
  const valkey = pathWith({ 'valkey-server': 'echo Valkey server v=8.1.0' });
  expect(await findRedis(silent, { PATH: valkey })).toEqual({ command: join(valkey, 'valkey-server') });
});

test('passes over a Redis that is too old', async () => {
  const old = pathWith({
    'redis-server': 'echo Redis server v=6.0.16',
    'valkey-server': 'echo Valkey server v=7.2.0',
  });
  expect(await findRedis(silent, { PATH: old })).toEqual({ command: join(old, 'valkey-server') });
});

test('names the ways out when there is no Redis and nothing may be installed', async () => {
  const said: string[] = [];
  const env = { PATH: pathWith({ 'apt-get': 'exit 1' }), HBF_NO_INSTALL: '1' };
  await expect(findRedis((line) => said.push(line), env)).rejects.toThrow(
    /PATH.*REDIS_URL.*docker compose up.*HBF_NO_INSTALL=1/s,
  );
  expect(said).toEqual([]);
});

test('takes the Chromium that CHROMIUM_PATH names, and fails when it names none', () => {
  const path = join(pathWith({ mine: 'exit 0' }), 'mine');
  expect(findChromium(silent, { CHROMIUM_PATH: path })).toBe(path);
  expect(() => findChromium(silent, { CHROMIUM_PATH: `${path}-not` })).toThrow(/CHROMIUM_PATH/);
});

test('takes the Chromium or Chrome on the PATH', () => {
  const path = pathWith({ 'google-chrome': 'exit 0' });
  expect(findChromium(silent, { PATH: path })).toBe(join(path, 'google-chrome'));
});

test.skipIf(process.platform === 'darwin')('says what is left out when no Chromium can be had', () => {
  const said: string[] = [];
  const env = { PATH: pathWith({}), HBF_NO_INSTALL: '1' };
  expect(findChromium((line) => said.push(line), env)).toBeUndefined();
  expect(said.join(' ')).toMatch(/browser tests are left out.*HBF_NO_INSTALL=1.*CHROMIUM_PATH/);
});

test('takes the programs of the monitoring by either of their names, and only together', () => {
  const said: string[] = [];
  const some = {
    prometheus: 'exit 0',
    promtool: 'exit 0',
    'prometheus-alertmanager': 'exit 0',
    amtool: 'exit 0',
  };
  const env = (programs: Record<string, string>) => ({ PATH: pathWith(programs), HBF_NO_INSTALL: '1' });
  expect(findMonitoring((line) => said.push(line), env(some))).toBeUndefined();
  expect(said.join(' ')).toMatch(/monitoring are left out.*HBF_NO_INSTALL=1.*install redis_exporter or/);
  const all = env({ ...some, redis_exporter: 'exit 0', 'prometheus-postgres-exporter': 'exit 0' });
  expect(findMonitoring(silent, all)).toMatchObject({
    alertmanager: join(all.PATH, 'prometheus-alertmanager'),
    redisExporter: join(all.PATH, 'redis_exporter'),
  });
});
