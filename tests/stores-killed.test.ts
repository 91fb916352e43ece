import { until } from '@hbf/drills/until';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
afterEach(system.removeAll);

async function tally(): Promise<{ status: string; turnout: number; queued: number }> {
  const response = await fetch(`${system.resultUrl}/api/polls/faults/tally`);
  return (await response.json()) as { status: string; turnout: number; queued: number };
}

describe('a PostgreSQL that is killed with kill -9 while voters vote', () => {
  it('keeps nobody from voting, is told to watchers, and loses nothing', async () => {
    const services = [await system.add('vote'), await system.add('worker'), await system.add('worker')];
    await Promise.all(services.map((service) => service.untilReady()));
    const voters = await voting.start(40);

    await system.postgres.kill();
    await voters.untilAccepted(200);
    await until('watchers are told that the tally is stale', async () => (await tally()).status === 'stale');
    await system.postgres.start();
    await until('the tally is live again', async () => (await tally()).status === 'live');

    await voters.untilAccepted(200);

    expect(await voting.finish()).toEqual([]);
    expect(services.map((service) => service.running)).toEqual([true, true, true]);
    expect((await tally()).turnout).toBe(40);
  });
});

describe('stores', () => {
  it('are waited for at the start, in any order', async () => {
    await Promise.all([system.redis.stop(), system.postgres.stop()]);
    const result = system.replicas.find(({ app }) => app === 'result')!;
    await result.stop();
    await result.start();
    const services = [result, await system.add('vote'), await system.add('worker')] as const;
    await until('vote answers that it cannot take ballots', async () => {
      const response = await fetch(`${system.voteUrl}/api/polls/faults`);
      return response.status === 503;
    });
    await system.redis.start();
    await services[2].untilLine('waiting');
    await system.postgres.start();
    await Promise.all(services.map((service) => service.untilReady()));
    await voting.start(5);
    expect(await voting.finish()).toEqual([]);
  });
});
