import { until } from '@hbf/drills/until';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystem, withRedis } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
afterEach(system.removeAll);

describe('an unexpectedly empty PostgreSQL', () => {
  it('is refused by migrate and by the worker, which say what may have happened', async () => {
    await system.add('vote');
    await (await system.add('worker')).untilReady();
    await voting.start(5);
    const env = { DATABASE_URL: await system.postgres.createDatabase('empty') };
    const migration = await system.runWorker(['migrate'], env);
    expect(migration.code).toBe(1);
    expect(migration.output).toMatch(
      /Redis holds the ballots of the system .* but this PostgreSQL database is empty/,
    );
    const worker = await system.runWorker([], env);
    expect(worker.code).toBe(1);
    expect(worker.output).toContain('this PostgreSQL database is empty');
    expect(await voting.finish()).toEqual([]);
  });

  it('of another system is refused too', async () => {
    const other = await system.postgres.createDatabase('other');
    const { startTestRedis } = await import('@hbf/local-services/testing');
    const redis = await startTestRedis();
    const elsewhere = { DATABASE_URL: other, REDIS_URL: redis.url };
    expect((await system.runWorker(['migrate'], elsewhere)).code).toBe(0);
    const swapped = { DATABASE_URL: other };
    for (const args of [['migrate'], []]) {
      const { code, output } = await system.runWorker(args, swapped);
      expect(code).toBe(1);
      expect(output).toMatch(/Redis belongs to the system .* but this PostgreSQL database to/);
    }
  });
});

describe('an unexpectedly empty Redis', () => {
  it('is refused by migrate until the loss is acknowledged; then voting goes on, and the loss is told', async () => {
    await system.add('vote');
    await (await system.add('worker')).untilReady();
    const before = await voting.start(5);
    await before.untilAccepted(20);
    await before.stop();
    await voting.settle();
    await system.removeAll();
    // All was recorded before: nothing excuses a ballot that is missing later.
    await voting.during('emptied', { loses: true }, () => system.redis.command('FLUSHALL'));

    for (const _ of [1, 2]) {
      const refused = await system.workerCommand('migrate');
      expect(refused.code).toBe(1);
      expect(refused.output).toMatch(/of which Redis had accepted \d+ ballots, but this Redis is empty/);
    }
    const acknowledged = await system.workerCommand('acknowledge-loss');
    expect(acknowledged.code, acknowledged.output).toBe(0);
    expect(acknowledged.output).toMatch(/Redis was empty and belongs to the system .* again/);
    expect((await system.workerCommand('migrate')).code).toBe(0);

    await (await system.add('worker')).untilReady();
    const recount = await system.workerCommand('recount');
    expect(recount.code).toBe(1);
    expect(recount.output).toContain('DRIFT: at least 0 ballots');
    expect((await system.workerCommand('acknowledge-loss')).output).toContain(
      'at least 0 ballots are now counted as lost',
    );
    await system.add('vote');
    const after = await voting.start(5);
    await after.untilAccepted(20);
    expect(await voting.finish()).toEqual([]);
    expect((await system.workerCommand('recount')).code).toBe(0);
  });
});

describe('a Redis that would not keep what it acknowledges', () => {
  it('gets no ballots until that is mended', async () => {
    await system.add('vote');
    const worker = await system.add('worker');
    await worker.untilReady();
    const post = () =>
      fetch(`${system.voteUrl}/api/polls/faults/ballots`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ choices: ['o1'] }),
      });
    await until('ballots are accepted', async () => (await post()).status === 202);
    await system.redis.command('CONFIG', 'SET', 'appendfsync', 'everysec');
    await worker.untilLine('appendfsync is \\"everysec\\" and must be \\"always\\"');
    const refused = await until('every partition is shut', async () => {
      const responses = await Promise.all(Array.from({ length: 40 }, post));
      return responses.every(({ status }) => status === 503) && responses[0];
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ type: '/problems/not-accepted' });
    await system.redis.command('CONFIG', 'SET', 'appendfsync', 'always');
    await until('ballots are accepted again', async () => (await post()).status === 202);
    await system.untilDrained();
    expect((await system.workerCommand('recount')).code).toBe(0);
  });
});

describe('a stream into which somebody puts things by hand', () => {
  it("takes no voter's place with an entry that has the very next total", async () => {
    await system.add('vote');
    const worker = await system.add('worker');
    await worker.untilReady();
    const before = await system.conservation();
    const forged = JSON.stringify([['AAAAAAAAAAAAAAAAAAAAAA', ['o1']]]);
    const total = String(before[0]!.accepted + 1);
    await withRedis(system.redis.url, (redis) =>
      redis.xadd('hbf:{0}:ballots', '*', 'v', '1', 'p', 'faults', 'n', '1', 'b', forged, 't', total),
    );
    await until('it is kept as foreign', async () => {
      const [partition] = await system.conservation();
      return partition!.foreignEntries === before[0]!.foreignEntries + 1;
    });
    const voters = await voting.start(20);
    await voters.stop();
    await system.untilDrained();
    expect(voters.accepted).toBeGreaterThan(0);
    const strangers = await system.postgres.query(
      `SELECT 1 FROM ballots WHERE voter = decode(repeat('00', 16), 'hex')`,
    );
    expect(strangers).toEqual([]);
    const after = await system.conservation();
    expect(after.map(({ rejected, drift }) => ({ rejected, drift }))).toEqual(
      before.map(() => ({ rejected: 0, drift: 0 })),
    );
    expect(after[0]!.foreignEntries).toBe(before[0]!.foreignEntries + 1);
    expect(await worker.metrics()).toMatch(/^ballot_foreign_entries_total 1$/m);
  });

  it('keeps them as rejected with their reasons, and counting goes on', async () => {
    await system.add('vote');
    const worker = await system.add('worker');
    await worker.untilReady();
    const before = await system.postgres.query<{ kept: number }>(
      'SELECT count(*)::int AS kept FROM rejected_ballots',
    );
    const voters = await voting.start(10);
    await withRedis(system.redis.url, async (redis) => {
      const stream = 'hbf:{0}:ballots';
      await redis.xadd(stream, '*', 'hello', 'world');
      await redis.xadd(stream, '*', 'v', '1', 'p', 'faults', 'n', '1', 'b', 'not json', 't', '5');
      await redis.xadd(stream, '*', 'v', '1', 'p', 'faults', 'n', '1', 'b', '[["x",["o1"]]]', 't', '1');
      await redis.xadd(stream, '*', 'v', '9', 'p', 'a\u0000b', 'n', '1', 'b', '[]', 't', '\u0000');
      // Well-formed in every way, with a total that would put every later ballot in the wrong.
      const forged = JSON.stringify([['AAAAAAAAAAAAAAAAAAAAAA', ['o1']]]);
      await redis.xadd(stream, '*', 'v', '1', 'p', 'faults', 'n', '1', 'b', forged, 't', '999999999999');
      await redis.xadd(stream, '*', Buffer.from([0, 255, 254]), Buffer.from([0xc3, 0x28]));
    });
    await voters.untilAccepted(200);
    await until('all six are kept', async () => {
      const [row] = await system.postgres.query<{ kept: number }>(
        'SELECT count(*)::int AS kept FROM rejected_ballots',
      );
      return row!.kept === before[0]!.kept + 6;
    });
    const reasons = await system.postgres.query<{ reason: string }>(
      'SELECT DISTINCT reason FROM rejected_ballots',
    );
    expect(reasons.length).toBeGreaterThanOrEqual(4);
    await voters.stop();
    await system.untilDrained();
    const conservation = await system.conservation();
    expect(conservation.map(({ drift }) => drift)).toEqual([0, 0, 0, 0]);
    expect(conservation[0]!.foreignEntries).toBeGreaterThanOrEqual(6);
    expect(await worker.metrics()).toMatch(/^ballots_rejected_total [1-9]/m);
  });
});
