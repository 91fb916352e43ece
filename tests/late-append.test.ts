import { copyBuild } from '@hbf/drills/system/build-copy';
import { startTcpProxy } from '@hbf/drills/system/tcp-proxy';
import { until } from '@hbf/drills/until';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
const proxy = await startTcpProxy({ host: '127.0.0.1', port: system.redis.port });
afterEach(async () => {
  proxy.mend();
  await system.removeAll();
});
afterAll(() => proxy.close());

/**
 * A voter's first try gets stuck between vote and Redis, the second goes through another vote process, and then the
 * first arrives.
 */
async function firstTryArrivesLate(name: string, build?: string): Promise<string[]> {
  const fast = await system.add('vote');
  const slow = await system.add('vote', {
    env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    ...(build === undefined ? {} : { build }),
  });
  await Promise.all([slow.untilReady(), fast.untilReady(), (await system.add('worker')).untilReady()]);
  const slowUrl = slow.url!;
  await until('a ballot goes through the slow way', async () => {
    return (await voting.cast(`${name}-warm-up`, 'o0', slowUrl)).type === 'ok';
  });
  proxy.holdRequests();
  const first = await voting.cast(name, 'o1', slowUrl);
  const second = await voting.cast(name, 'o2', fast.url);
  proxy.mend();
  // Once this process accepts again, what was held before it has been answered.
  await until('the slow way is open again', async () => {
    return (await voting.cast(`${name}-warm-up`, 'o0', slowUrl)).type === 'ok';
  });
  return [first.type, second.type];
}

describe('an append that is stuck past its deadline', () => {
  it('is told as unconfirmed, and never counts later behind the second try', async () => {
    expect(await firstTryArrivesLate('patient')).toEqual(['unknown', 'ok']);
    expect(await voting.finish()).toEqual([]);
  });

  it('would overrule the second try if appends had no deadline', async () => {
    const outcomes = await firstTryArrivesLate(
      'hasty',
      await copyBuild([
        {
          file: 'ballot-stream/dist/scripts.js',
          find: "if now > tonumber(ARGV[2]) then return {'late', now} end",
          replace: '',
        },
      ]),
    );
    expect(outcomes).toEqual(['unknown', 'ok']);
    expect(await voting.finish()).toContainEqual({
      rule: 'unknown-once',
      what: expect.stringContaining('hasty: o1 counts'),
    });
  });
});
