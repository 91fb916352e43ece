import { ConfigurationError } from '@hbf/service-kit/environment';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

const HEX = '00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef';
const good = {
  REDIS_URL: 'redis://localhost:6379',
  VOTER_KEYS: `v1:${HEX}`,
  RECEIPT_KEYS: `r1:${HEX}`,
};

const faultsOf = (env: Record<string, string | undefined>) => {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message.split('\n  ').slice(1);
  }
  throw new Error('the configuration was taken');
};

describe('readConfig', () => {
  it("takes the contract's ports, trusts no proxy and keeps the internal port on this machine by default", () => {
    expect(readConfig(good)).toMatchObject({
      port: 5002,
      metricsPort: 9102,
      metricsHost: '127.0.0.1',
      trustProxy: 0,
      logLevel: 'info',
      publicVoteUrl: undefined,
      publicResultUrl: undefined,
      resultPort: 5001,
    });
  });

  it('reads what is set', () => {
    const config = readConfig({
      ...good,
      PORT: '8080',
      METRICS_PORT: '0',
      METRICS_HOST: '0.0.0.0',
      TRUST_PROXY: 'loopback, 10.0.0.0/8',
      LOG_LEVEL: 'warn',
      PUBLIC_VOTE_URL: 'https://vote.example.org/',
      PUBLIC_RESULT_URL: 'https://result.example.org',
      NODE_ENV: 'production',
    });
    expect(config).toMatchObject({
      port: 8080,
      metricsPort: 0,
      metricsHost: '0.0.0.0',
      trustProxy: ['loopback', '10.0.0.0/8'],
      logLevel: 'warn',
      publicVoteUrl: 'https://vote.example.org',
      publicResultUrl: 'https://result.example.org',
    });
    expect(config.voterKeys[0]).toEqual({ kid: 'v1', secret: Buffer.from(HEX, 'hex') });
  });

  it('limits ballots unless told otherwise, and lets this machine pass outside production alone', () => {
    expect(readConfig(good).limits).toEqual({
      on: true,
      loopbackPasses: true,
      crowdKeys: [],
      allow: { voterPerMinute: 10, voterPerHour: 60, addressPerMinute: 1_000, addressPerHour: 5_000 },
      storeUrl: undefined,
    });
    expect(readConfig({ ...good, NODE_ENV: 'production' }).limits).toMatchObject({
      on: true,
      loopbackPasses: false,
    });
    const set = {
      VOTE_LIMITS: 'off',
      LIMIT_VOTER_PER_MINUTE: '1',
      LIMIT_VOTER_PER_HOUR: '2',
      LIMIT_ADDRESS_PER_MINUTE: '3',
      LIMIT_ADDRESS_PER_HOUR: '4',
      LIMITS_REDIS_URL: 'redis://limits:6379',
      CROWD_KEYS: `c1:${HEX}`,
    };
    expect(readConfig({ ...good, ...set }).limits).toEqual({
      on: false,
      loopbackPasses: true,
      crowdKeys: [{ kid: 'c1', secret: Buffer.from(HEX, 'hex') }],
      allow: { voterPerMinute: 1, voterPerHour: 2, addressPerMinute: 3, addressPerHour: 4 },
      storeUrl: 'redis://limits:6379',
    });
  });

  it('refuses to switch the limits off in production, and names what else can be done', () => {
    const faults = faultsOf({ ...good, NODE_ENV: 'production', VOTE_LIMITS: 'off' });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^VOTE_LIMITS: is off, which NODE_ENV=production refuses; .*CROWD_KEYS/);
  });

  it.each([
    ['VOTE_LIMITS', 'false'],
    ['VOTE_LIMITS', 'OFF'],
    ['LIMIT_VOTER_PER_MINUTE', '0'],
    ['LIMIT_VOTER_PER_HOUR', '1.5'],
    ['LIMIT_ADDRESS_PER_MINUTE', '-1'],
    ['LIMIT_ADDRESS_PER_HOUR', 'unlimited'],
    ['LIMITS_REDIS_URL', 'http://limits'],
    ['CROWD_KEYS', 'secret'],
  ])('refuses %s=%s', (name, value) => {
    const faults = faultsOf({ ...good, [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`${name}: `);
  });

  it.each(['redis://localhost:6379', 'redis://localhost', 'rediss://user:secret@localhost:6379/5'])(
    "refuses the ballots' Redis as the store of the limits, as in %s",
    (url) => {
      const faults = faultsOf({ ...good, LIMITS_REDIS_URL: url });
      expect(faults).toEqual([expect.stringMatching(/^LIMITS_REDIS_URL: is the server of REDIS_URL/)]);
      expect(faults.join()).not.toContain('secret');
      expect(
        readConfig({ ...good, LIMITS_REDIS_URL: 'redis://localhost:6380' }).limits.storeUrl,
      ).toBeDefined();
    },
  );

  it('names everything that is missing at once: there are no built-in keys', () => {
    expect(faultsOf({})).toEqual([
      'REDIS_URL: is required and not set',
      'VOTER_KEYS: is required and not set',
      'RECEIPT_KEYS: is required and not set',
    ]);
  });

  it('names everything that is malformed at once, and shows no secret', () => {
    const faults = faultsOf({
      PORT: '99999',
      METRICS_PORT: 'x',
      REDIS_URL: 'http://user:secret@localhost',
      VOTER_KEYS: `v1:${HEX.slice(1)}`,
      RECEIPT_KEYS: `r1:${HEX},r1:${HEX}`,
      TRUST_PROXY: 'true',
      LOG_LEVEL: 'loud',
      PUBLIC_VOTE_URL: 'https://example.org/vote',
      PUBLIC_RESULT_URL: 'example.org',
    });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'PORT',
      'METRICS_PORT',
      'REDIS_URL',
      'VOTER_KEYS',
      'RECEIPT_KEYS',
      'TRUST_PROXY',
      'LOG_LEVEL',
      'PUBLIC_VOTE_URL',
      'PUBLIC_RESULT_URL',
    ]);
    expect(faults.join()).not.toMatch(/secret|00112233/);
  });

  it('refuses development keys in production, of every kind, wherever they stand in the list', () => {
    const faults = faultsOf({
      ...good,
      NODE_ENV: 'production',
      VOTER_KEYS: `dev-1:${HEX}`,
      RECEIPT_KEYS: `r2:${HEX},r1:${'00'.repeat(32)}`,
      CROWD_KEYS: `development:${HEX}`,
    });
    expect(faults).toHaveLength(3);
    expect(faults[0]).toMatch(/^VOTER_KEYS: .*development key/);
    expect(faults[1]).toMatch(/^RECEIPT_KEYS: .*development key/);
    expect(faults[2]).toMatch(/^CROWD_KEYS: .*development key/);
    expect(readConfig({ ...good, VOTER_KEYS: `dev-1:${HEX}` }).voterKeys).toHaveLength(1);
  });

  it('refuses the keys of compose.yaml behind a public address', () => {
    const faults = faultsOf({
      ...good,
      VOTER_KEYS: `dev:${HEX}`,
      RECEIPT_KEYS: `dev:${HEX}`,
      PUBLIC_VOTE_URL: 'https://vote.example.org',
    });
    expect(faults).toHaveLength(2);
    for (const fault of faults) expect(fault).toMatch(/development key, .*PUBLIC_VOTE_URL/);
  });
});
