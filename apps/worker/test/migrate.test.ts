import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPolls } from '@hbf/ballot-store/read-polls';
import { readSystem } from '@hbf/ballot-store/system';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { readSystem as readRedisSystem, tieSystem } from '@hbf/ballot-stream/partition';
import { createTestDatabase, makeTestDirectory, startTestRedis } from '@hbf/local-services/testing';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { runAcknowledgeLoss } from '../src/audit.ts';
import { migrate } from '../src/migrate.ts';
import { connectForTests } from './support/fixture.ts';

const server = await startTestRedis();
const redis = connectRedis(server.url, () => {});
afterAll(() => redis.disconnect());
await untilReady(redis, 10_000);
beforeEach(async () => {
  await redis.flushall();
});

const file = join(makeTestDirectory('polls'), 'polls.yaml');
const GOOD = `polls:
  - key: pets
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
`;

async function prepare() {
  const url = await createTestDatabase();
  const client = await connectForTests(url);
  const run = async (
    text: string | undefined,
    changes: { PARTITIONS?: number; POLLS_FILE?: string; REDIS_LOSS?: 'acknowledged' } = {},
  ) => {
    if (text !== undefined) writeFileSync(file, text);
    const said: string[] = [];
    const complained: string[] = [];
    const exit = await migrate(
      {
        DATABASE_URL: url,
        REDIS_URL: server.url,
        LOG_LEVEL: 'info',
        POLLS_FILE: file,
        PARTITIONS: undefined,
        ...changes,
      },
      (line) => said.push(line),
      (line) => complained.push(line),
    );
    return { exit, said, complained };
  };
  const questions = async () => (await readPolls(client)).map(({ poll }) => poll.question);
  return { client, url, run, questions };
}

describe('migrate', () => {
  it('sets an empty database up and applies the polls; a second time it has nothing to do', async () => {
    const { client, run, questions } = await prepare();
    const first = await run(GOOD);
    const system = (await readSystem(client))!;
    expect(system.partitions).toBe(4);
    expect(first).toEqual({
      exit: 0,
      said: [
        'an empty database: asking Redis whether it belongs to another one',
        'schema: 1 create-the-schema, 2 keep-turnout-over-time',
        `system ${system.id}, 4 partitions`,
        'polls added: pets',
      ],
      complained: [],
    });
    expect(await questions()).toEqual(['Cats or dogs?']);
    expect(await run(GOOD)).toEqual({
      exit: 0,
      said: ['the schema is up to date', `system ${system.id}, 4 partitions`, 'the polls are up to date'],
      complained: [],
    });
  });

  it('applies what may change, and says what the file no longer lists', async () => {
    const { run, questions } = await prepare();
    await run(GOOD);
    const { exit, said } = await run(`${GOOD.replace('Cats or dogs?', 'Dogs or cats?')}  - key: new
    question: New?
    options: { a: A, b: B }
`);
    expect(exit).toBe(0);
    expect(said).toContain('polls added: new; changed: pets');
    expect(await questions()).toEqual(['Dogs or cats?', 'New?']);
    const { said: without } = await run(GOOD.replaceAll('pets', 'third'));
    expect(without).toContain(`not in ${file}, and kept as they are: pets, new`);
  });

  it('exits with 1 over a wrong file where there is no poll yet, with its lines', async () => {
    const { run, questions } = await prepare();
    const wrong = GOOD.replace('pets', 'Pets').replace('a: Cats', 'a: ""');
    expect(await run(wrong)).toMatchObject({
      exit: 1,
      complained: [
        expect.stringMatching(/polls\.yaml:2: poll 1, key: must be/),
        expect.stringMatching(/polls\.yaml:4: poll 1, options, a: must not be empty/),
        'Nothing was applied, and there is no poll yet. Mend the file and run this again.',
      ],
    });
    expect(await questions()).toEqual([]);
    expect(await run(GOOD)).toMatchObject({ exit: 0 });
  });

  it('exits with 2 over a wrong file where polls are in force, and leaves them so', async () => {
    const { run, questions } = await prepare();
    await run(GOOD);
    expect(await run(`${GOOD}    question: Twice?\n`)).toMatchObject({
      exit: 2,
      complained: [
        expect.stringMatching(/polls\.yaml:5: .*unique/),
        'Nothing was applied. The polls as they were stay in force: pets.',
      ],
    });
    expect(await questions()).toEqual(['Cats or dogs?']);
  });

  it('refuses changes of what is frozen, each with its line, and applies nothing of the file', async () => {
    const { run, questions } = await prepare();
    await run(GOOD);
    const changed = `polls:
  - key: new
    question: New?
    options: { a: A, b: B }
  - key: pets
    question: Changed?
    eligibility: open
    options:
      a: Cats
      c: Canaries
`;
    expect(await run(changed)).toMatchObject({
      exit: 2,
      complained: [
        expect.stringMatching(/polls\.yaml:8: poll "pets": the options of a published poll are frozen/),
        expect.stringMatching(
          /polls\.yaml:7: poll "pets": the eligibility of a published poll is frozen: it is browser/,
        ),
        'Nothing was applied. The polls as they were stay in force: pets.',
      ],
    });
    expect(await questions()).toEqual(['Cats or dogs?']);
  });

  it('says so when the file cannot be read', async () => {
    const { run } = await prepare();
    expect(await run(undefined, { POLLS_FILE: '/nowhere/polls.yaml' })).toMatchObject({
      exit: 1,
      complained: ['/nowhere/polls.yaml:1: cannot be read (ENOENT)', expect.any(String)],
    });
  });

  it('refuses to set an empty database up beside a Redis that belongs to another, and leaves it empty', async () => {
    const { client, run } = await prepare();
    await tieSystem(redis, { id: 'the-other-system', partitions: 4 });
    const { exit, complained } = await run(GOOD);
    expect(exit).toBe(1);
    expect(complained).toEqual([
      expect.stringMatching(/the-other-system.*this PostgreSQL database is empty/),
    ]);
    expect(await readSystem(client)).toBeUndefined();
    const { rows } = await client.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
    expect(rows).toEqual([]);
  });

  it('refuses a database that contradicts Redis, and changes nothing in it', async () => {
    const { run, questions } = await prepare();
    await run(GOOD);
    await tieSystem(redis, { id: 'the-other-system', partitions: 4 });
    const { exit, complained } = await run(GOOD.replace('Cats or dogs?', 'Changed?'));
    expect(exit).toBe(1);
    expect(complained).toEqual([expect.stringContaining('Redis belongs to the system the-other-system')]);
    expect(await questions()).toEqual(['Cats or dogs?']);
  });

  it('goes on where Redis belongs to this very system', async () => {
    const { client, run } = await prepare();
    await run(GOOD);
    const { id, partitions } = (await readSystem(client))!;
    await tieSystem(redis, { id, partitions });
    expect(await run(GOOD)).toMatchObject({ exit: 0, complained: [] });
  });

  it('takes the number of partitions at the first time, and refuses another one for ever', async () => {
    const { run } = await prepare();
    expect(await run(GOOD, { PARTITIONS: 7 })).toMatchObject({ exit: 0 });
    expect(await run(GOOD, { PARTITIONS: 7 })).toMatchObject({ exit: 0 });
    expect(await run(GOOD)).toMatchObject({ exit: 0 });
    expect(await run(GOOD, { PARTITIONS: 8 })).toMatchObject({
      exit: 1,
      complained: [expect.stringContaining('PARTITIONS=8, but this system was set up with 7')],
    });
  });

  it('may run several times at once: one sets up, all agree', async () => {
    const { client, run } = await prepare();
    const runs = await Promise.all([run(GOOD), run(GOOD), run(GOOD)]);
    expect(runs.map(({ exit }) => exit)).toEqual([0, 0, 0]);
    const { rows } = await client.query('SELECT id FROM system');
    expect(rows).toHaveLength(1);
    for (const { said } of runs) expect(said).toContain(`system ${rows[0].id}, 4 partitions`);
  });

  it('goes on without Redis once the database is set up, and says so', async () => {
    const { run } = await prepare();
    await run(GOOD);
    await server.kill('SIGKILL');
    onTestFinished(async () => {
      await server.start();
      await untilReady(redis, 10_000);
    });
    const { exit, said } = await run(GOOD);
    expect(exit).toBe(0);
    expect(said).toContain('Redis does not answer; going on without it');
  });

  it('gives up at once where waiting cannot help: no such database', async () => {
    const { run, url } = await prepare();
    const nowhere = new URL(url);
    nowhere.pathname = '/nowhere';
    await expect(run(GOOD, { DATABASE_URL: nowhere.href } as object)).rejects.toThrow(
      /PostgreSQL \(DATABASE_URL\) cannot be reached: .*nowhere/,
    );
  });
});

describe('migrate, where Redis has lost what it held,', () => {
  /** A system that has accepted 12 ballots, 2 of them not recorded when Redis was last heard of; Redis is empty now. */
  async function prepareLost() {
    const prepared = await prepare();
    await prepared.run(GOOD);
    await prepared.client.query(
      'UPDATE partitions SET accepted = 10, recorded = 10, appended = 12 WHERE partition = 1',
    );
    const system = (await readSystem(prepared.client))!;
    const acknowledge = async () => {
      const said: string[] = [];
      const exit = await runAcknowledgeLoss({ DATABASE_URL: prepared.url, REDIS_URL: server.url }, (line) =>
        said.push(line),
      );
      return { exit, said };
    };
    return { ...prepared, system, acknowledge };
  }

  it('refuses, says what would be lost and what to do, and changes nothing', async () => {
    const { run, questions, system } = await prepareLost();
    const { exit, complained } = await run(GOOD.replace('Cats or dogs?', 'Changed?'));
    expect(exit).toBe(1);
    expect(complained).toHaveLength(1);
    expect(complained[0]).toContain(`the system ${system.id}, of which Redis had accepted 12 ballots`);
    expect(complained[0]).toContain('this Redis is empty');
    expect(complained[0]).toContain('2 ballots when last heard of');
    expect(complained[0]).toContain('worker acknowledge-loss');
    expect(await questions()).toEqual(['Cats or dogs?']);
    expect(await readRedisSystem(redis)).toBeUndefined();
  });

  it('passes again once the loss is acknowledged', async () => {
    const { run, system, acknowledge } = await prepareLost();
    const { exit, said } = await acknowledge();
    expect(exit).toBe(0);
    expect(said[0]).toMatch(/belongs to the system .* again.*2 ballots were queued/);
    expect(await readRedisSystem(redis)).toEqual({ id: system.id, partitions: 4 });
    expect(await run(GOOD)).toMatchObject({ exit: 0, complained: [] });
  });

  it('passes with REDIS_LOSS=acknowledged, which says so and does nothing to a Redis that is kept', async () => {
    const { run, system } = await prepareLost();
    const lost = await run(GOOD, { REDIS_LOSS: 'acknowledged' });
    expect(lost.exit).toBe(0);
    expect(lost.said[0]).toMatch(/belongs to the system .* again/);
    expect(await readRedisSystem(redis)).toEqual({ id: system.id, partitions: 4 });
    const kept = await run(GOOD, { REDIS_LOSS: 'acknowledged' });
    expect(kept.said).not.toContainEqual(expect.stringContaining('again'));
  });

  it('passes if a worker that runs makes Redis known meanwhile', async () => {
    const { run, system } = await prepareLost();
    await redis.config('RESETSTAT');
    const running = run(GOOD);
    while (!(await redis.info('commandstats')).includes('cmdstat_hmget')) await redis.ping();
    expect(await readRedisSystem(redis)).toBeUndefined();
    await tieSystem(redis, system);
    expect(await running).toMatchObject({ exit: 0, complained: [] });
  });

  it('passes where no ballot was ever accepted', async () => {
    const { client, run } = await prepareLost();
    await client.query('UPDATE partitions SET accepted = 0, recorded = 0, appended = 0, epoch = 3');
    expect(await run(GOOD)).toMatchObject({ exit: 0, complained: [] });
  });

  it('refuses a Redis of another system, as ever, and does not acknowledge that away', async () => {
    const { run, acknowledge } = await prepareLost();
    await tieSystem(redis, { id: 'the-other-system', partitions: 4 });
    await expect(acknowledge()).rejects.toThrow('Redis belongs to the system the-other-system');
    const { exit, complained } = await run(GOOD, { REDIS_LOSS: 'acknowledged' });
    expect(exit).toBe(1);
    expect(complained).toEqual([expect.stringContaining('Redis belongs to the system the-other-system')]);
    expect(await readRedisSystem(redis)).toMatchObject({ id: 'the-other-system' });
  });
});
