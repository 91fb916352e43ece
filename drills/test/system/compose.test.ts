import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { createComposeSystem } from '../../src/system/compose.ts';
import type { Replica, System, SystemOptions } from '../../src/system/system.ts';
import { until } from '../../src/until.ts';

const POLLS = `polls:
  - key: faults
    question: Which one now?
    eligibility: open
    options: { a: One, b: Two }
`;

const leftBehind = () =>
  [
    ['ps', '--all'],
    ['volume', 'ls'],
    ['network', 'ls'],
  ].flatMap((what) =>
    execFileSync('docker', [...what, '--format={{.Labels}}'], { encoding: 'utf8' })
      .split('\n')
      .filter((labels) => labels.includes('project=hbf-drill-')),
  );

/** Throws where it does not answer soon. */
const answerOf = (replica: Replica) =>
  replica.url === undefined
    ? replica.metrics()
    : fetch(replica.url, { signal: AbortSignal.timeout(500) }).then((response) => response.text());

/** Casts one ballot through the first vote. */
async function cast({ replicas }: System): Promise<number> {
  const { url } = replicas.find(({ app }) => app === 'vote')!;
  const response = await fetch(`${url}/api/polls/faults/ballots`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"choices":["a"]}',
    signal: AbortSignal.timeout(2_000),
  });
  await response.text();
  return response.status;
}

/** Casts ballots until so many more were accepted. */
async function castUntilAccepted(system: System, count: number): Promise<void> {
  for (let accepted = 0; accepted < count; ) {
    await until('a ballot is accepted', async () => (await cast(system)) === 202, 30_000);
    accepted += 1;
  }
}

async function counted({ postgres }: System): Promise<number> {
  const [row] = await postgres.query<{ recorded: number }>(
    'SELECT sum(recorded)::int AS recorded FROM partitions',
  );
  return row!.recorded;
}

const untilCounted = (system: System, count: number) =>
  until(`${count} ballots are counted`, async () => (await counted(system)) === count, 30_000);

// It takes Docker, and minutes where no image is there yet.
describe.skipIf(process.env.HBF_DRILL_COMPOSE !== '1')('a system in containers', { timeout: 300_000 }, () => {
  const open: System[] = [];
  const start = async (options: Partial<SystemOptions> = {}) => {
    const system = await createComposeSystem({ polls: POLLS, ...options });
    open.push(system);
    onTestFinished(() => system.close());
    return system;
  };

  afterAll(async () => {
    for (const system of open) await system.close();
    expect(leftBehind()).toEqual([]);
  });

  test('counts what is cast, whatever is killed, frozen and started again', async () => {
    const system = await start({ votes: 2, results: 2 });
    expect(system.replicas.map(({ name }) => name)).toEqual([
      ...['vote-1', 'vote-2', 'worker-1', 'worker-2', 'result-1', 'result-2'],
    ]);
    await castUntilAccepted(system, 20);
    await untilCounted(system, 20);
    let sure = 20;

    for (const replica of system.replicas) {
      await replica.pause();
      expect(replica.running).toBe(true);
      await expect(answerOf(replica)).rejects.toThrow();
      await replica.resume();
      await replica.untilReady();
      await replica.kill();
      expect(replica.running).toBe(false);
      await replica.gone();
      await replica.start();
      await replica.untilReady();
      await replica.stop();
      expect(replica.running).toBe(false);
      await replica.start();
      await replica.untilReady();
      expect(await replica.metrics()).toContain('process_cpu_seconds_total');
    }
    await castUntilAccepted(system, 5);
    sure += 5;
    await untilCounted(system, sure);

    for (const store of [system.redis, system.postgres]) {
      await store.pause();
      expect(store.running).toBe(true);
      await store.resume();
      const fast = store === system.postgres ? [() => system.postgres.stop('fast')] : [];
      for (const end of [store.kill, store.stop, ...fast]) {
        await end();
        expect(store.running).toBe(false);
        await store.start();
        await castUntilAccepted(system, 5);
        sure += 5;
        await untilCounted(system, sure);
      }
    }
    expect(await system.workerCommand('recount')).toMatchObject({ code: 0 });
    expect(system.deaths).toEqual([]);
  });

  test('has added workers die and stop at a failpoint, and tells apart who ended by itself', async () => {
    const system = await start({ workers: 1 });
    await system.remove(system.replicas.find(({ app }) => app === 'worker')!);
    const dying = await system.add('worker', { env: { HBF_FAILPOINT: 'committed@3' } });
    await dying.untilReady();
    for (let i = 0; i < 3; i++) {
      await castUntilAccepted(system, 1);
      await until(
        'it is counted, or the worker is gone',
        async () => !dying.running || (await counted(system)) > i,
      );
    }
    await dying.gone();
    expect(dying.running).toBe(false);
    expect(await counted(system)).toBe(3);

    const stopping = await system.add('worker', { env: { HBF_FAILPOINT: 'begun=stop' } });
    await stopping.untilReady();
    await castUntilAccepted(system, 1);
    await until('it does not answer', () =>
      stopping.metrics().then(
        () => false,
        () => true,
      ),
    );
    expect(stopping.running).toBe(true);
    await stopping.resume();
    await untilCounted(system, 4);
    expect(system.deaths).toEqual([]);

    await system.remove(dying);
    await system.remove(stopping);
    expect(system.replicas.map(({ name }) => name)).toEqual(['vote-1', 'result-1']);
    const wrong = await system.add('worker', { env: { LOG_LEVEL: 'loud' } });
    await wrong.gone();
    expect(system.deaths).toEqual(['worker-4: exit code 1']);

    const folder = mkdtempSync(join(tmpdir(), 'hbf-logs-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    await system.saveLogs(folder);
    expect(readdirSync(folder).sort()).toEqual(
      ['postgres', 'redis', 'result-1', 'vote-1', 'worker-1', 'worker-2', 'worker-3', 'worker-4'].map(
        (name) => `${name}.log`,
      ),
    );
    expect(readFileSync(join(folder, 'worker-4.log'), 'utf8')).toContain('LOG_LEVEL');
  });

  test('applies polls and says what of them is refused', async () => {
    const system = await start({ votes: 1, workers: 1, results: 0 });
    expect(await system.applyPolls(POLLS.replace('now?', 'then?'))).toMatchObject({ code: 0 });
    const refused = await system.applyPolls(POLLS.replace('b: Two', 'c: Three'));
    expect(refused.code).toBe(2);
    expect(refused.output).toContain('faults');
  });

  test('fails the files of Redis, cuts them, and puts old ones back', async () => {
    const system = await start({ redisSettings: { maxmemory: '64mb' }, votes: 0, workers: 0, results: 0 });
    const { redis } = system;
    expect(await redis.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', String(64 * 1024 ** 2)]);
    await redis.command('SET', 'kept', 'yes');
    await redis.limitFiles(100);
    await redis.command('SET', 'long', 'x'.repeat(1_000)).catch(() => {});
    await until('Redis is gone, or refuses to write', async () => {
      if (!redis.running) return true;
      return redis.command('SET', 'after', 'it').then(
        () => false,
        () => true,
      );
    });
    await redis.unlimitFiles();
    await redis.kill();
    await redis.keepCopy();
    await redis.start();
    expect(await redis.command('GET', 'kept')).toBe('yes');

    await redis.command('SET', 'last', 'one');
    await redis.kill();
    await redis.cutTail(5);
    await redis.start();
    expect(await redis.command('MGET', 'kept', 'last')).toEqual(['yes', null]);

    await redis.command('SET', 'newer', 'one');
    await redis.stop();
    await redis.rollBack();
    await redis.start();
    expect(await redis.command('MGET', 'kept', 'newer')).toEqual(['yes', null]);
  });

  test('fills the disk of PostgreSQL, which goes on where it was when there is space again', async () => {
    const system = await start({ prepare: ['full-disk'], results: 0 });
    expect(system.lacks('full-disk')).toBeUndefined();
    await castUntilAccepted(system, 5);
    await untilCounted(system, 5);
    await system.postgres.fillDisk();
    await expect(
      system.postgres.query('CREATE TABLE filler AS SELECT generate_series(1, 100000)'),
    ).rejects.toThrow();
    await castUntilAccepted(system, 5);
    await system.postgres.freeDisk();
    if (!system.postgres.running) await system.postgres.start();
    await untilCounted(system, 10);
    await system.postgres.kill();
    await system.postgres.start();
    await untilCounted(system, 10);
  });

  test('disturbs the links that lead here, until they are mended', async () => {
    const system = await start({ prepare: ['links'] });
    const result = system.replicas.find(({ app }) => app === 'result')!;
    await castUntilAccepted(system, 3);
    system.link('voter-vote').cut();
    await expect(cast(system)).rejects.toThrow();
    system.link('voter-vote').mend();
    await castUntilAccepted(system, 1);
    system.link('page-result').hold();
    await expect(answerOf(result)).rejects.toThrow();
    system.link('page-result').mend();
    await until('result is reached', () => answerOf(result));
    await untilCounted(system, 4);
  });

  test('disturbs the links to the stores, which are led through this machine', async ({ skip }) => {
    const system = await start({ prepare: ['links'] });
    const why = system.lacks('link-vote-redis');
    if (why !== undefined) {
      expect(() => system.link('vote-redis')).toThrow(why);
      skip(why);
    }
    const result = system.replicas.find(({ app }) => app === 'result')!;
    await castUntilAccepted(system, 4);
    await untilCounted(system, 4);
    const shows = (status: string) =>
      until(`the tally is ${status}`, async () => {
        const response = await fetch(`${result.url}/api/polls/faults/tally`);
        return ((await response.json()) as { status: string }).status === status;
      });
    system.link('vote-redis').cut();
    await until('ballots are refused', async () => (await cast(system)) === 503);
    system.link('vote-redis').mend();
    await castUntilAccepted(system, 1);
    await untilCounted(system, 5);
    for (const name of ['worker-redis', 'worker-postgres', 'result-postgres'] as const) {
      await shows('live');
      system.link(name).hold();
      await shows('stale');
      system.link(name).mend();
    }
    await shows('live');
    for (const name of ['vote-redis', 'worker-redis', 'worker-postgres', 'result-postgres'] as const) {
      system.link(name).forget();
    }
    await castUntilAccepted(system, 1);
    // One of the first after that may have been counted and not confirmed.
    await until('it is counted', async () => (await counted(system)) >= 6);
    await shows('live');
    expect(system.deaths).toEqual([]);
  });

  test('says why it cannot do what containers cannot', async () => {
    const system = await start({ votes: 0, workers: 0, results: 0 });
    for (const ability of ['failing-file', 'redis-files', 'failpoints'] as const) {
      expect(system.lacks(ability)).toBeUndefined();
    }
    expect(system.lacks('full-disk')).toMatch(/without full-disk/);
    expect(system.lacks('link-voter-vote')).toMatch(/without links/);
    expect(() => system.link('voter-vote')).toThrow(system.lacks('link-voter-vote'));
    await expect(system.stepClock(1_000)).rejects.toThrow(system.lacks('clocks'));
  });
});
