import { FAULTS } from '@hbf/drills/clients/polls';
import { startTcpProxy } from '@hbf/drills/system/tcp-proxy';
import { until } from '@hbf/drills/until';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
const proxy = await startTcpProxy({ host: '127.0.0.1', port: system.redis.port });
const throughProxy = { REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
afterEach(async () => {
  proxy.mend();
  await system.removeAll();
});
afterAll(() => proxy.close());

async function castMany(count: number, name: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    await voting.castAccepted(`${name}-${i}`, FAULTS.options[i % FAULTS.options.length]!);
  }
}

describe('a Redis that is at its memory limit', () => {
  it('is drained by a worker that starts now, and takes ballots again when it has room', async () => {
    await system.add('vote');
    const first = await system.add('worker');
    await first.untilReady();
    await castMany(10, 'before-full');
    await system.untilDrained();
    await first.kill();
    await castMany(100, 'queued-when-full');
    await system.redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
    const refused = await voting.cast('comes-when-full', 'o1');
    expect(refused).toMatchObject({ type: 'fail', answer: '/problems/not-accepted' });
    const worker = await system.add('worker');
    await worker.untilLine(/OOM/);
    await until('what was queued is recorded all the same', async () => {
      const [row] = await system.postgres.query<{ recorded: number }>(
        'SELECT sum(recorded)::int AS recorded FROM partitions',
      );
      return row!.recorded === 110;
    });
    await system.redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await castMany(10, 'after-full');
    expect(await voting.finish()).toEqual([]);
  });
});

describe('connections to Redis that are cut without a word', () => {
  it('are replaced by vote and by the worker themselves, and nothing is lost', async () => {
    const vote = await system.add('vote', { env: throughProxy });
    const worker = await system.add('worker', { env: throughProxy });
    await Promise.all([vote.untilReady(), worker.untilReady()]);
    const voters = await voting.start(10);
    // No packet passes on these any more, in either direction, and neither side hears of an end.
    proxy.forget();
    await until('voters are told that nothing is accepted', () =>
      voting.lastAnswers(10).every((answer) => answer !== 'ok'),
    );
    await voters.untilAccepted(100);
    expect(await voting.finish()).toEqual([]);
    expect([vote.running, worker.running]).toEqual([true, true]);
  });

  it('that die before they are ready are replaced as well', async () => {
    const vote = await system.add('vote', { env: throughProxy });
    const worker = await system.add('worker', { env: throughProxy });
    await Promise.all([vote.untilReady(), worker.untilReady()]);
    proxy.cut();
    proxy.mend();
    // The new connections are accepted by the proxy, and swallowed.
    proxy.holdRequests();
    await until('both have tried', () => proxy.connections() >= 3);
    proxy.forget();
    proxy.mend();
    await castMany(10, 'after-swallowing');
    expect(await voting.finish()).toEqual([]);
  });
});

describe('a stream with an entry of the highest id that there can be', () => {
  it('goes on being counted', async () => {
    await system.add('vote');
    const worker = await system.add('worker');
    await worker.untilReady();
    await voting.during('an entry by hand', { foreign: 1 }, () =>
      system.redis.command('XADD', 'hbf:{2}:ballots', '18446744073709551615-5', 'by', 'hand'),
    );
    await until('it is kept as foreign', async () => (await system.conservation())[2]!.foreignEntries === 1);
    await castMany(40, 'after-the-end');
    expect(await voting.finish()).toEqual([]);
  });
});
