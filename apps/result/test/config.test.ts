import { ConfigurationError } from '@hbf/service-kit/environment';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

const GOOD_KEY = `k1:${'0123456789abcdef'.repeat(4)}`;
const REQUIRED = { DATABASE_URL: 'postgres://u:secret-word@db/hbf', RECEIPT_KEYS: GOOD_KEY };

function faultsOf(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('the environment was taken as right');
}

test('two variables are enough; the ports are those of the contract and the internal one is for this machine', () => {
  expect(readConfig(REQUIRED)).toMatchObject({
    PORT: 5001,
    METRICS_PORT: 9101,
    METRICS_HOST: '127.0.0.1',
    TRUST_PROXY: 0,
    LOG_LEVEL: 'info',
    SOCKETS_MAX: 1500,
    SOCKETS_PER_NETWORK: 1000,
  });
});

test('everything that is missing or malformed is named at once, and no secret with it', () => {
  const message = faultsOf({
    PORT: '70000',
    METRICS_PORT: 'x',
    DATABASE_URL: 'mysql://u:secret-word@db/hbf',
    TRUST_PROXY: 'true',
    LOG_LEVEL: 'loud',
    PUBLIC_VOTE_URL: 'https://vote.example.org/path',
    PUBLIC_RESULT_URL: 'result.example.org',
    NODE_ENV: 'production',
    SOCKETS_MAX: '0',
    SOCKETS_PER_NETWORK: 'many',
  });
  for (const name of [
    'PORT',
    'METRICS_PORT',
    'DATABASE_URL',
    'RECEIPT_KEYS',
    'TRUST_PROXY',
    'LOG_LEVEL',
    'PUBLIC_VOTE_URL',
    'PUBLIC_RESULT_URL',
    'SOCKETS_MAX',
    'SOCKETS_PER_NETWORK',
  ]) {
    expect(message).toMatch(new RegExp(`^ +${name}:`, 'm'));
  }
  expect(message).not.toContain('secret-word');
});

test('production refuses a development key, and says so beside the other faults', () => {
  const dev = `dev:${'0123456789abcdef'.repeat(4)}`;
  expect(
    faultsOf({ ...REQUIRED, RECEIPT_KEYS: dev, PUBLIC_RESULT_URL: 'https://result.example.org' }),
  ).toContain('RECEIPT_KEYS: holds a development key, which everybody knows');
  expect(readConfig({ ...REQUIRED, RECEIPT_KEYS: dev }).RECEIPT_KEYS).toHaveLength(1);
  const message = faultsOf({ RECEIPT_KEYS: `${GOOD_KEY},${dev}`, NODE_ENV: 'production' });
  expect(message).toMatch(/RECEIPT_KEYS: .*development key/);
  expect(message).toMatch(/DATABASE_URL: is required/);
});
