import { ConfigurationError } from '@hbf/service-kit/environment';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { makeApp } from './support/app.ts';

const HEX = '00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef';
const env = {
  REDIS_URL: 'redis://localhost:6379',
  VOTER_KEYS: `v1:${HEX}`,
  RECEIPT_KEYS: `r1:${HEX}`,
  HBF_FAULT_DELAY_MS: '300',
};

describe('HBF_FAULT_DELAY_MS', () => {
  it('holds every request up, and is seen in the metrics', async () => {
    const { request, metric } = makeApp({ faultDelayMs: 300 });
    const started = performance.now();
    await request.get('/api/polls').expect(200);
    // Timers of Node's may be a millisecond early.
    expect(performance.now() - started).toBeGreaterThanOrEqual(299);
    const within = { route: '/api/polls', status_code: '200', le: '0.2' };
    expect(await metric('http_request_duration_seconds', within)).toBe(0);
  });

  it('is refused in production, and where it is no number', () => {
    expect(readConfig(env).faultDelayMs).toBe(300);
    expect(readConfig({ ...env, HBF_FAULT_DELAY_MS: '' }).faultDelayMs).toBeUndefined();
    for (const changes of [{ NODE_ENV: 'production' }, { HBF_FAULT_DELAY_MS: 'long' }]) {
      expect(() => readConfig({ ...env, ...changes })).toThrow(ConfigurationError);
      expect(() => readConfig({ ...env, ...changes })).toThrow(/HBF_FAULT_DELAY_MS: (makes every|must be)/);
    }
  });
});
