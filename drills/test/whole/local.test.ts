import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTestDirectory } from '@hbf/local-services/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { createLocalSystem } from '../../src/system/local.ts';
import { until } from '../../src/until.ts';

const POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    eligibility: open
    options: { a: Cats, b: Dogs }
`;

const system = await createLocalSystem({ polls: POLLS, votes: 2, workers: 2, results: 1 });
afterAll(() => system.close());

const stateOf = (pid: number) => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

/** Votes once at each replica of vote. */
async function voteEverywhere(): Promise<number[]> {
  const votes = system.replicas.filter(({ app }) => app === 'vote');
  return Promise.all(
    votes.map(async ({ url }) => {
      const response = await fetch(`${url}/api/polls/best-friend/ballots`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ choices: ['a'] }),
      });
      return response.status;
    }),
  );
}

const accepting = () =>
  until('every vote accepts', async () => (await voteEverywhere()).every((status) => status === 202));

async function turnout(): Promise<{ turnout: number; status: string }> {
  const response = await fetch(`${system.resultUrl}/api/polls/best-friend/tally`);
  return (await response.json()) as { turnout: number; status: string };
}

describe('a local system', () => {
  it('carries ballots from every vote to result', async () => {
    expect(system.replicas.map(({ name }) => name)).toEqual([
      'vote-1',
      'vote-2',
      'worker-1',
      'worker-2',
      'result-1',
    ]);
    await accepting();
    await until('they are counted', async () => (await turnout()).turnout >= 2);
  });

  it.each(['vote-2', 'worker-1', 'result-1'])('kills, restarts, pauses and resumes %s', async (name) => {
    const replica = system.replicas.find((each) => each.name === name)!;
    await replica.kill();
    expect(replica.running).toBe(false);
    expect(replica.lastExit?.signal).toBe('SIGKILL');
    await replica.gone();
    await replica.start();
    await replica.untilReady();
    expect(replica.running).toBe(true);
    await replica.pause();
    await until('it is stopped', () => stateOf(replica.pid) === 'T');
    await replica.resume();
    await until('it goes on', () => stateOf(replica.pid) !== 'T');
    expect(await replica.metrics()).toContain('process_cpu_seconds_total');
    await replica.stop();
    expect(replica.lastExit?.code).toBe(0);
    await replica.start();
    await replica.untilReady();
    expect(system.deaths).toEqual([]);
  });

  it('adds replicas under new names, and gives the places of those that are removed to others', async () => {
    const added = await system.add('vote', { env: { LOG_LEVEL: 'debug' } });
    expect(added.name).toBe('vote-3');
    await added.untilReady();
    await system.remove(added);
    expect(added.running).toBe(false);
    const next = await system.add('vote');
    expect([next.name, next.url]).toEqual(['vote-4', added.url]);
    await system.remove(next);
    expect(system.replicas).toHaveLength(5);
  });

  it('tells of replicas that ended by themselves, but for those that were meant to', async () => {
    const refuses = await system.add('worker', { env: { DATABASE_URL: 'nonsense' } });
    await refuses.gone();
    await expect(refuses.untilReady()).rejects.toThrow('ended before it was ready');
    expect(system.deaths).toEqual([`${refuses.name}: exit code 1`]);
    await system.remove(refuses);
    const victim = await system.add('worker', { env: { HBF_FAILPOINT: 'read@1' } });
    await victim.untilReady();
    await until('it has died', async () => {
      await voteEverywhere();
      return !victim.running;
    });
    expect(victim.lastExit?.signal).toBe('SIGKILL');
    expect(system.deaths).toHaveLength(1);
    await system.remove(victim);
  });

  it('kills, stops, pauses and restarts the stores', async () => {
    expect(await system.redis.command('PING')).toBe('PONG');
    await system.redis.pause();
    await until('no ballot is accepted', async () => (await voteEverywhere()).every((code) => code === 503));
    await system.redis.resume();
    await accepting();
    await system.redis.kill();
    expect(system.redis.running).toBe(false);
    await system.redis.start();
    await system.redis.stop();
    await system.redis.start();
    await accepting();

    await system.postgres.pause();
    await until('the tally is stale', async () => (await turnout()).status === 'stale');
    await system.postgres.resume();
    await system.postgres.kill();
    expect(system.postgres.running).toBe(false);
    await system.postgres.start();
    await system.postgres.stop();
    await system.postgres.start();
    await system.postgres.stop('fast');
    expect(system.postgres.running).toBe(false);
    await system.postgres.start();
    expect(await system.postgres.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await accepting();
    await until('the tally is live', async () => (await turnout()).status === 'live');
  });

  it('applies polls and runs commands of the worker', async () => {
    const { code, output } = await system.applyPolls(POLLS.replace('Cats or dogs?', 'Which?'));
    expect(code, output).toBe(0);
    const recount = await system.workerCommand('recount');
    expect(recount.output).toContain('equal to the recount');
  });

  it('refuses what it was not prepared for, and says so', () => {
    expect(system.lacks('links')).toContain('without links');
    expect(() => system.link('vote-redis')).toThrow('without links');
    expect(system.lacks('redis-files')).toBeUndefined();
  });

  it('keeps the log of every part', async () => {
    const folder = join(makeTestDirectory('logs'), 'of-the-drill');
    await system.saveLogs(folder);
    const files = readdirSync(folder);
    expect(files).toEqual(expect.arrayContaining(['vote-1.log', 'vote-4.log', 'redis.log', 'postgres.log']));
    expect(readFileSync(join(folder, 'worker-1.log'), 'utf8')).toContain('worker-1 ended: killed by SIGKILL');
    expect(
      readFileSync(join(folder, 'postgres.log'), 'utf8').match(/received \w+ shutdown request/g),
    ).toEqual(['received immediate shutdown request', 'received fast shutdown request']);
  });
});
