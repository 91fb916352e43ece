import { startTestRedis } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { durabilityFaults } from '../src/durability.ts';
import { connectForTests } from './support/partition-fixture.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);

describe('durabilityFaults', () => {
  it('finds nothing wrong with a Redis that syncs every write and evicts nothing', async () => {
    expect(await durabilityFaults(redis)).toEqual({ faults: [], hidden: false });
  });

  it.each([
    ['appendonly', 'no', 'yes'],
    ['appendfsync', 'everysec', 'always'],
    ['appendfsync', 'no', 'always'],
    ['no-appendfsync-on-rewrite', 'yes', 'no'],
    ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
    ['maxmemory-policy', 'volatile-ttl', 'noeviction'],
  ])('names %s when it is %s', async (name, wrong, right) => {
    await redis.config('SET', name, wrong);
    try {
      expect(await durabilityFaults(redis)).toEqual({
        faults: [`${name} is "${wrong}" and must be "${right}"`],
        hidden: false,
      });
    } finally {
      await redis.config('SET', name, right);
    }
  });

  it('names all that is wrong at once', async () => {
    await redis.config('SET', 'appendfsync', 'no', 'maxmemory-policy', 'allkeys-lru');
    try {
      expect((await durabilityFaults(redis)).faults).toHaveLength(2);
    } finally {
      await redis.config('SET', 'appendfsync', 'always', 'maxmemory-policy', 'noeviction');
    }
  });

  it('says that the configuration is hidden from a user who may not read it', async () => {
    await redis.acl('SETUSER', 'managed', 'on', '>secret', '~*', '+@all', '-config');
    const url = new URL(server.url);
    url.username = 'managed';
    url.password = 'secret';
    const managed = await connectForTests(url.href);
    expect(await durabilityFaults(managed)).toEqual({ faults: [], hidden: true });
  });

  it('does not take a lost connection for a hidden configuration', async () => {
    const other = await connectForTests(server.url);
    other.disconnect();
    await expect(durabilityFaults(other)).rejects.toThrow();
  });
});
