import { readConservation } from '@hbf/ballot-store/conservation';
import { takePartition } from '@hbf/ballot-store/own-partition';
import { recount } from '@hbf/ballot-store/recount';
import { readSystem } from '@hbf/ballot-store/system';
import { connectRedis, readRunId, untilReady } from '@hbf/ballot-stream/connection';
import { encodeBallots } from '@hbf/ballot-stream/entry';
import { partitionKeys } from '@hbf/ballot-stream/keys';
import { openPartition, tieSystem } from '@hbf/ballot-stream/partition';
import { startTestRedis } from '@hbf/local-services/testing';
import { createLogger } from '@hbf/service-kit/logger';
import type { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createWorkerMetrics } from '../src/metrics.ts';
import { NotDurable, preparePartition } from '../src/prepare-partition.ts';
import { createPublication } from '../src/publication.ts';
import { SystemMismatch } from '../src/system-match.ts';
import { startWorker } from '../src/worker.ts';
import { createStore, makePoll, voter } from './support/fixture.ts';
import { startSwitch } from './support/switch.ts';

const log = createLogger('worker', 'silent');
const server = await startTestRedis();
const other = await startTestRedis({ settings: { appendonly: 'no' } });

async function connect(url: string): Promise<Redis> {
  const redis = connectRedis(url, () => {});
  afterAll(() => redis.disconnect());
  await untilReady(redis, 10_000);
  return redis;
}
const redis = await connect(server.url);
const otherRedis = await connect(other.url);
beforeEach(async () => {
  await redis.flushall();
  await otherRedis.flushall();
});

async function createOwner() {
  const { client, url } = await createStore([makePoll('pets')]);
  const system = (await readSystem(client))!;
  const publication = createPublication();
  await publication.refresh(client);
  const owned = (await takePartition(client, 1))!;
  const prepare = (changes: { redis?: Redis; position?: string; appended?: number } = {}) =>
    preparePartition(
      {
        redis: changes.redis ?? redis,
        session: client,
        system,
        publication,
        redisDurabilityAssumed: false,
        log,
      },
      {
        partition: 1,
        epoch: owned.epoch,
        position: changes.position ?? owned.position,
        appended: changes.appended ?? owned.appended,
      },
    );
  const lossNoted = async () => (await readConservation(client))[1]!.lossIsLowerBound;
  return { client, url, system, owned, prepare, lossNoted };
}

/** Everything that a Redis holds. */
async function contents(of: Redis): Promise<string[]> {
  const keys = (await of.keys('*')).sort();
  return await Promise.all(keys.map(async (key) => `${key} ${(await of.dumpBuffer(key))!.toString('hex')}`));
}

/** A Redis of another system, whose partition 1 is open and holds a ballot that would be valid here too. */
async function fillOther(at: Redis): Promise<void> {
  await tieSystem(at, { id: 'the-other-system', partitions: 4 });
  const runId = await readRunId(at);
  await openPartition(at, 1, { runId, epoch: 0, position: '0-0', acceptedAtLeast: 0 });
  const ballots = encodeBallots([{ voter: voter(1), choices: ['a'] }]);
  await at.xadd(partitionKeys(1).ballots, '*', 'v', '1', 'p', 'pets', 'n', '1', 'b', ballots, 't', '1');
}

describe('preparePartition', () => {
  it('opens a partition for the present run of Redis and has no loss to note in a new system', async () => {
    const { prepare, lossNoted, system } = await createOwner();
    const runId = await readRunId(redis);
    expect(await prepare()).toBe(runId);
    expect(await redis.hgetall(partitionKeys(1).state)).toEqual({
      run: runId,
      epoch: '1',
      accepted: '0',
      opened: expect.stringMatching(/^\d+-\d+$/),
      base: '0',
    });
    expect(await redis.hgetall(partitionKeys(1).polls)).toEqual({ pets: '0 0 0' });
    expect(await redis.hget('hbf:system', 'id')).toBe(system.id);
    expect(await prepare()).toBe(runId);
    expect(await lossNoted()).toBe(false);
  });

  it.each([
    ['has a smaller total than PostgreSQL knows of', { appended: 7 }],
    ['ends before the position', { position: '1700000000000-0' }],
  ])('notes a loss of unknown size where the stream %s', async (_, known) => {
    const { prepare, lossNoted } = await createOwner();
    await prepare(known);
    expect(await lossNoted()).toBe(true);
  });

  it('has noted a loss before it opens the partition: afterwards nothing would show it', async () => {
    const { prepare, lossNoted } = await createOwner();
    // The worker dies when it is about to open: OPEN is the script with the run id as its first argument.
    const runId = await readRunId(redis);
    const dying = new Proxy(redis, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if ((name === 'evalsha' || name === 'eval') && args.includes(runId)) throw new Error('killed');
          return value.apply(target, args);
        };
      },
    });
    await expect(prepare({ redis: dying, appended: 7 })).rejects.toThrow('killed');
    expect(await lossNoted()).toBe(true);
  });

  it('shuts a partition that was open when Redis is durable no more', async () => {
    const { prepare } = await createOwner();
    await prepare();
    await redis.config('SET', 'appendfsync', 'everysec');
    onTestFinished(async () => {
      await redis.config('SET', 'appendfsync', 'always');
    });
    await expect(prepare()).rejects.toThrow(NotDurable);
    expect(await redis.hget(partitionKeys(1).state, 'run')).toBeNull();
  });

  it('touches nothing in the Redis of another system, durable or not', async () => {
    const { prepare } = await createOwner();
    for (const wrong of [redis, otherRedis]) {
      await fillOther(wrong);
      const before = await contents(wrong);
      await expect(prepare({ redis: wrong })).rejects.toThrow(SystemMismatch);
      expect(await contents(wrong)).toEqual(before);
    }
  });
});

describe('a worker whose Redis is suddenly that of another system', () => {
  it('stops, counts nothing of it, and touches nothing in it', async () => {
    const { client, url } = await createStore([makePoll('pets')]);
    const line = await startSwitch(server.port);
    const shared = await connect(line.url);
    let failed: Error | undefined;
    const worker = startWorker({
      databaseUrl: url,
      redisUrl: line.url,
      redis: shared,
      redisDurabilityAssumed: false,
      metrics: createWorkerMetrics(),
      reach: () => {},
      log,
      fail: (reason) => {
        failed ??= reason;
      },
    });
    onTestFinished(() => worker.close());
    await expect
      .poll(() => redis.hget(partitionKeys(1).state, 'run'), { timeout: 10_000 })
      .toBe(await readRunId(redis));
    // Its ballot comes after this system's position.
    await fillOther(otherRedis);
    const before = await contents(otherRedis);
    line.to(other.port);
    await expect.poll(() => failed, { timeout: 10_000 }).toBeInstanceOf(SystemMismatch);
    expect(await contents(otherRedis)).toEqual(before);
    expect((await recount(client)).ballots).toBe(0);
  });
});
