import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTestDirectory } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { readDatabaseConfig, readMigrateConfig, readWorkerConfig } from '../src/config.ts';
import { createFailpoint, STEPS, type Step } from '../src/failpoint.ts';

const env = { DATABASE_URL: 'postgresql://u:secret@db/hbf', REDIS_URL: 'redis://:secret@redis:6379' };

describe('the environment of the worker', () => {
  it('needs the two stores and nothing else', () => {
    expect(readWorkerConfig(env)).toEqual({
      databaseUrl: env.DATABASE_URL,
      redisUrl: env.REDIS_URL,
      metricsPort: 9103,
      metricsHost: '127.0.0.1',
      logLevel: 'info',
      redisDurabilityAssumed: false,
      failpoint: undefined,
    });
  });

  it('names all faults at once, and shows no secret', () => {
    let message = '';
    try {
      readWorkerConfig({
        DATABASE_URL: 'mysql://u:secret@db/hbf',
        METRICS_PORT: '70000',
        LOG_LEVEL: 'loud',
        REDIS_DURABILITY: 'sure',
        HBF_FAILPOINT: 'nowhere',
      });
    } catch (error) {
      message = (error as Error).message;
    }
    for (const name of [
      'DATABASE_URL',
      'REDIS_URL',
      'METRICS_PORT',
      'LOG_LEVEL',
      'REDIS_DURABILITY',
      'HBF_FAILPOINT',
    ]) {
      expect(message).toContain(`  ${name}: `);
    }
    expect(message).toContain('REDIS_URL: is required and not set');
    expect(message).not.toContain('secret');
  });

  it('takes the URLs from files', () => {
    const file = join(makeTestDirectory('config'), 'url');
    writeFileSync(file, `${env.DATABASE_URL}\n`);
    expect(readDatabaseConfig({ DATABASE_URL_FILE: file })).toMatchObject({ DATABASE_URL: env.DATABASE_URL });
  });

  it('refuses failpoints in production', () => {
    const wanted = { ...env, HBF_FAILPOINT: 'moved' };
    expect(() => readWorkerConfig({ ...wanted, NODE_ENV: 'production' })).toThrow(/HBF_FAILPOINT.*refused/);
    expect(readWorkerConfig(wanted).failpoint).toEqual({ step: 'moved', occurrence: 1, signal: 'SIGKILL' });
  });

  it.each([
    ['recorded@3', { step: 'recorded', occurrence: 3, signal: 'SIGKILL' }],
    ['committed=stop', { step: 'committed', occurrence: 1, signal: 'SIGSTOP' }],
    ['trimmed@12=kill', { step: 'trimmed', occurrence: 12, signal: 'SIGKILL' }],
  ])('reads the failpoint %s', (value, failpoint) => {
    expect(readWorkerConfig({ ...env, HBF_FAILPOINT: value }).failpoint).toEqual(failpoint);
  });

  it.each(['moved@0', 'moved=crash', 'Moved', 'moved@', ' moved', 'moved@1e3'])(
    'refuses the failpoint "%s"',
    (value) => {
      expect(() => readWorkerConfig({ ...env, HBF_FAILPOINT: value })).toThrow('HBF_FAILPOINT');
    },
  );

  it('does nothing at any step where no failpoint is set', () => {
    const reach = createFailpoint(undefined);
    for (const step of STEPS) reach(step as Step);
  });
});

describe('the environment of migrate', () => {
  it('takes polls.yaml and chooses no number of partitions by itself', () => {
    const config = readMigrateConfig(env);
    expect(config).toMatchObject({ POLLS_FILE: 'polls.yaml' });
    expect(config.PARTITIONS).toBeUndefined();
  });

  it.each(['0', '65', '-1', '4.5', 'four', '1e1'])('refuses %s partitions', (PARTITIONS) => {
    expect(() => readMigrateConfig({ ...env, PARTITIONS })).toThrow('PARTITIONS');
  });
});
