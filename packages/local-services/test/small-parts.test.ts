import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generatedSecrets } from '../src/generated-secrets.ts';
import { networkAddresses } from '../src/network-addresses.ts';
import { RotatingLog } from '../src/rotating-log.ts';
import { makeTestDirectory } from '../src/testing.ts';

test('a log begins anew with each run, keeps the one before, and cannot grow for ever', () => {
  const path = join(makeTestDirectory(), 'logs', 'a.log');
  const first = new RotatingLog(path);
  first.write('of the first run');
  first.close();
  const second = new RotatingLog(path, 100);
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('of the first run\n');
  for (let line = 0; line < 1000; line++) second.write(`line ${line}`);
  expect(statSync(path).size).toBeLessThan(120);
  expect(statSync(`${path}.1`).size).toBeLessThan(120);
  expect(`${readFileSync(`${path}.1`)}${readFileSync(path)}`).toContain('line 999\n');
  second.close();
});

test('makes the missing secrets once, for this user alone', () => {
  const path = join(makeTestDirectory(), 'secrets.json');
  const first = generatedSecrets(path, ['A']);
  expect(first.A).toMatch(/^k1:[0-9a-f]{64}$/);
  const second = generatedSecrets(path, ['A', 'B']);
  expect(second.A).toBe(first.A);
  expect(second.B).not.toBe(first.A);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('makes no new secrets over a file that it cannot read', () => {
  const path = join(makeTestDirectory(), 'secrets.json');
  writeFileSync(path, '{"A":');
  expect(() => generatedSecrets(path, ['A'])).toThrow(/cannot be read/);
  expect(readFileSync(path, 'utf8')).toBe('{"A":');
});

test('names the addresses that phones can reach, IPv4 first', () => {
  const of = (family: string, address: string, internal = false) =>
    ({ family, address, internal }) as NetworkInterfaceInfo;
  expect(
    networkAddresses({
      lo: [of('IPv4', '127.0.0.1', true)],
      wifi: [of('IPv6', 'fe80::1'), of('IPv6', '2001:db8::1'), of('IPv4', '192.168.1.7')],
      docker0: [of('IPv4', '172.17.0.1')],
      odd: [of('IPv4', '169.254.3.4'), of('IPv4', '10.0.0.2')],
    }),
  ).toEqual(['192.168.1.7', '10.0.0.2', '[2001:db8::1]']);
});
