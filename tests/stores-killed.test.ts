import { until } from '@hbf/drills/until';
import { afterEach, describe, expect, it } from 'vitest';
import { finish } from './support/finish.ts';
import { createSystem } from './support/system.ts';
import { startVoters, type Voters } from './support/voters.ts';

const system = await createSystem();
afterEach(system.removeAll);

/** Those of every test of this file: they voted in one system. */
const everybody: Voters[] = [];

async function tally(): Promise<{ status: string; turnout: number; queued: number }> {
  const response = await fetch(`${system.resultUrl}/api/polls/faults/tally`);
  return (await response.json()) as { status: string; turnout: number; queued: number };
}

describe('stores that are killed with kill -9 while voters vote', () => {
  it('lose nothing, and every service goes on by itself', async () => {
    const services = [
      await system.add('vote'),
      await system.add('result'),
      await system.add('worker'),
      await system.add('worker'),
    ];
    await Promise.all(services.map((service) => service.untilReady()));
    const voters = await startVoters(system, 40);
    everybody.push(voters);

    for (let round = 0; round < 3; round++) {
      await system.redis.kill();
      await until('voters are told that nothing was accepted', () =>
        voters.history.slice(-40).every(({ detail }) => detail?.includes('/problems/not-accepted')),
      );
      await system.redis.start();
      await voters.untilAccepted(200);
    }

    await system.postgres.kill();
    await voters.untilAccepted(200);
    await until('watchers are told that the tally is stale', async () => (await tally()).status === 'stale');
    await system.postgres.start();
    await until('the tally is live again', async () => (await tally()).status === 'live');

    await Promise.all([system.redis.kill(), system.postgres.stop()]);
    await Promise.all([system.redis.start(), system.postgres.start()]);
    await voters.untilAccepted(200);

    expect(await finish(system, ...everybody)).toEqual([]);
    expect(services.map((service) => service.running)).toEqual([true, true, true, true]);
    expect((await tally()).turnout).toBe(40);
  });

  it('are waited for at the start, in any order', async () => {
    await Promise.all([system.redis.stop(), system.postgres.stop()]);
    const services = [await system.add('result'), await system.add('vote'), await system.add('worker')];
    await until('vote answers that it cannot take ballots', async () => {
      const response = await fetch(`${system.voteUrl}/api/polls/faults`);
      return response.status === 503;
    });
    await system.redis.start();
    await services[2]!.untilLine('waiting');
    await system.postgres.start();
    await Promise.all(services.map((service) => service.untilReady()));
    everybody.push(await startVoters(system, 5));
    expect(await finish(system, ...everybody)).toEqual([]);
  });
});
