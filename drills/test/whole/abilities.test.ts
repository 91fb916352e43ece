import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLocalSystem } from '../../src/system/local.ts';
import { newestFile } from '../../src/system/redis-files.ts';
import { until } from '../../src/until.ts';

const POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    eligibility: open
    options: { a: Cats, b: Dogs }
`;
const system = await createLocalSystem({
  polls: POLLS,
  votes: 1,
  workers: 1,
  results: 1,
  prepare: ['links', 'clocks', 'full-disk'],
});
afterAll(() => system.close());
const { redis, postgres } = system;

async function vote(): Promise<number> {
  const response = await fetch(`${system.voteUrl}/api/polls/best-friend/ballots`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ choices: ['a'] }),
  });
  await response.body?.cancel();
  return response.status;
}
const accepts = () => until('a ballot is accepted', async () => (await vote()) === 202, 30_000);
const refuses = () => until('a ballot is refused', async () => (await vote()) === 503);

async function tally(): Promise<{ turnout: number; status: string }> {
  const response = await fetch(`${system.resultUrl}/api/polls/best-friend/tally`);
  return (await response.json()) as { turnout: number; status: string };
}
const untilStatus = (status: string) =>
  until(`the tally is ${status}`, async () => (await tally()).status === status, 30_000);

async function redisTime(): Promise<number> {
  const [seconds, micros] = (await redis.command('TIME')) as [string, string];
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}
async function postgresTime(): Promise<number> {
  const [row] = await postgres.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return row!.now.getTime();
}
/** The date that an HTTP answer of a service bears, to the second. */
async function serviceTime(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return new Date(response.headers.get('date')!).getTime();
}

describe('links between the parts', () => {
  const stale = () => untilStatus('stale');
  const live = () => untilStatus('live');
  it.each([
    ['vote-redis', 'cut', refuses, accepts],
    ['vote-redis', 'hold', refuses, accepts],
    ['worker-redis', 'cut', stale, live],
    ['worker-postgres', 'hold', stale, live],
    ['result-postgres', 'cut', stale, live],
  ] as const)('%s: %s, until it is mended', { timeout: 60_000 }, async (name, fault, broken, whole) => {
    await accepts();
    await whole();
    system.link(name)[fault]();
    await broken();
    system.link(name).mend();
    await whole();
    expect(system.replicas.every(({ running }) => running)).toBe(true);
  });

  it.each(['vote-redis', 'worker-redis', 'worker-postgres', 'result-postgres'] as const)(
    '%s: connections that died without a word are replaced, though nobody mends anything',
    { timeout: 60_000 },
    async (name) => {
      await live();
      const { turnout } = await tally();
      system.link(name).forget();
      await accepts();
      await until('it is counted and shown', async () => (await tally()).turnout > turnout, 30_000);
      await live();
      expect(system.deaths).toEqual([]);
    },
  );

  it('lie before vote and result too', async () => {
    system.link('voter-vote').cut();
    await expect(vote()).rejects.toThrow();
    system.link('voter-vote').mend();
    await accepts();
    system.link('page-result').delay(100);
    const began = performance.now();
    await tally();
    expect(performance.now() - began).toBeGreaterThan(195);
    system.link('page-result').mend();
  });
});

describe.skipIf(system.lacks('clocks') !== undefined)('clocks', () => {
  it('of the stores and services are stepped back and forth, and set right', {
    timeout: 60_000,
  }, async () => {
    const clocks = {
      redis: redisTime,
      postgres: postgresTime,
      vote: () => serviceTime(`${system.voteUrl}/healthz`),
      result: () => serviceTime(`${system.resultUrl}/healthz`),
      worker: () => serviceTime(`http://127.0.0.1:${system.replicas[1]!.metricsPort}/healthz`),
    };
    for (const [name, read] of Object.entries(clocks)) {
      for (const step of [-10_000, 10_000, 0]) {
        await system.stepClock(step, [name as keyof typeof clocks]);
        // Node keeps the date of its answers for a second.
        await until(`the clock of ${name} is ${step} ms off`, async () => {
          return Math.abs((await read()) - Date.now() - step) < 2_000;
        });
      }
    }
  });

  it('do not disturb time-outs, nor the counting', { timeout: 60_000 }, async () => {
    for (const step of [-10_000, 10_000, 0]) {
      await system.stepClock(step);
      await accepts();
      const began = performance.now();
      // Waits by the server's own timer.
      await redis.command('BLPOP', 'nothing-there', '1');
      await postgres.query('SELECT pg_sleep(0.5)');
      expect(performance.now() - began).toBeGreaterThan(1_400);
      expect(performance.now() - began).toBeLessThan(6_000);
    }
    await untilStatus('live');
    expect(system.deaths).toEqual([]);
  });
});

describe.skipIf(system.lacks('failing-file') !== undefined)('the append-only file of Redis', () => {
  it('fails from the chosen size on, until it is allowed to grow again', { timeout: 60_000 }, async () => {
    await accepts();
    const { size } = statSync(newestFile(redis.dataDir));
    await redis.limitFiles(100);
    await until('Redis can write no more', async () => {
      await vote();
      return !redis.running;
    });
    expect(statSync(newestFile(redis.dataDir)).size).toBeLessThanOrEqual(size + 100);
    await redis.unlimitFiles();
    await redis.start();
    await accepts();
  });
});

describe('a command of Redis', () => {
  it('fails at once when Redis ends before it has answered', async () => {
    await redis.pause();
    const began = performance.now();
    const answer = expect(redis.command('PING')).rejects.toThrow('Redis ended');
    await redis.kill();
    await answer;
    expect(performance.now() - began).toBeLessThan(3_000);
    await redis.start();
  });
});

describe('the files of Redis', () => {
  it('are changed only while it is down', async () => {
    await expect(redis.cutTail(1)).rejects.toThrow('Redis runs');
    await expect(redis.keepCopy()).rejects.toThrow('Redis runs');
  });

  it('lose their tail', async () => {
    await redis.command('SET', 'kept', '1');
    await redis.command('SET', 'lost', '1');
    await redis.command('GET', 'lost');
    await redis.kill();
    const before = statSync(newestFile(redis.dataDir)).size;
    await redis.cutTail(1);
    expect(statSync(newestFile(redis.dataDir)).size).toBe(before - 1);
    await redis.start();
    expect(await redis.command('GET', 'kept')).toBe('1');
  });

  it('go back to what they were', async () => {
    await redis.kill();
    await redis.keepCopy();
    await redis.start();
    await redis.command('SET', 'later', '1');
    await redis.kill();
    await redis.rollBack();
    await redis.start();
    expect(await redis.command('GET', 'later')).toBeNull();
    await accepts();
  });
});

describe.skipIf(system.lacks('full-disk') !== undefined)('the disk of PostgreSQL', () => {
  it('is filled to the last byte, and counting goes on when it has room again', {
    timeout: 90_000,
  }, async () => {
    await untilStatus('live');
    await postgres.fillDisk();
    await untilStatus('stale');
    await accepts();
    await postgres.freeDisk();
    if (!postgres.running) await postgres.start();
    await postgres.query('SELECT 1');
    await untilStatus('live');
    const recount = await system.workerCommand('recount');
    expect(recount.output).toContain('equal to the recount');
  });
});

describe('closing', () => {
  it('leaves nothing behind', async () => {
    const folder = join(redis.dataDir, '..');
    await Promise.all([system.close(), system.close()]);
    expect(() => statSync(folder)).toThrow('ENOENT');
    expect(execFileSync('cat', ['/proc/mounts'], { encoding: 'utf8' })).not.toContain(folder);
    expect(redis.running).toBe(false);
  });
});
