import { copyBuild } from '@hbf/drills/system/build-copy';
import { startTcpProxy } from '@hbf/drills/system/tcp-proxy';
import { until } from '@hbf/drills/until';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { finish } from './support/finish.ts';
import type { Cast } from './support/history.ts';
import { createSystem, type System } from './support/system.ts';
import { cast } from './support/voters.ts';

const system = await createSystem();
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
async function firstTryArrivesLate(name: string, build?: string): Promise<{ history: Cast[]; of: System }> {
  const fast = await system.add('vote');
  const slow = await system.add('vote', {
    env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    ...(build === undefined ? {} : { build }),
  });
  await Promise.all([slow.untilReady(), fast.untilReady(), (await system.add('worker')).untilReady()]);
  const slowUrl = slow.url!;
  await until('a ballot goes through the slow way', async () => {
    return (await cast(slowUrl, `${name}-warm-up`, 'o0')).outcome === 'ok';
  });
  const history: Cast[] = [];
  proxy.holdRequests();
  history.push(await cast(slowUrl, name, 'o1'));
  history.push(await cast(system.voteUrl, name, 'o2'));
  proxy.mend();
  // Once this process accepts again, what was held before it has been answered.
  await until('the slow way is open again', async () => {
    return (await cast(slowUrl, `${name}-warm-up`, 'o0')).outcome === 'ok';
  });
  return { history, of: system };
}

async function counted(name: string, history: Cast[]): Promise<string[]> {
  const faults = await finish(system, { history, untilAccepted: async () => {}, stop: async () => {} });
  return faults.filter((fault) => fault.startsWith(name) && !fault.includes('never voted'));
}

describe('an append that is stuck past its deadline', () => {
  it('is told as unconfirmed, and never counts later behind the second try', async () => {
    const { history } = await firstTryArrivesLate('patient');
    expect(history.map(({ outcome }) => outcome)).toEqual(['unknown', 'ok']);
    expect(await counted('patient', history)).toEqual([]);
  });

  it('would overrule the second try if appends had no deadline', async () => {
    const { history } = await firstTryArrivesLate(
      'hasty',
      await copyBuild([
        {
          file: 'ballot-stream/dist/scripts.js',
          find: "if now > tonumber(ARGV[2]) then return {'late', now} end",
          replace: '',
        },
      ]),
    );
    expect(history.map(({ outcome }) => outcome)).toEqual(['unknown', 'ok']);
    expect((await counted('hasty', history)).join('\n')).toContain('hasty: o1 counts');
  });
});
