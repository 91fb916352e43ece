import { makePoll } from '@hbf/contracts/testing';
import { startTestRedis } from '@hbf/local-services/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_BALLOTS_PER_ENTRY } from '../src/entry.ts';
import { POLLS_KEY, partitionKeys } from '../src/keys.ts';
import { publishDefinitions, publishPolls } from '../src/partition.ts';
import { connectForTests, redisNow } from './support/partition-fixture.ts';
import {
  choicesOf,
  createTestProducer,
  newVoter,
  openAll,
  PARTITIONS,
  readAll,
  setUp,
} from './support/producer-fixture.ts';
import { startProxy } from './support/proxy.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const now = Date.now();
const polls = [
  makePoll('pets'),
  makePoll('other', { rank: 1 }),
  makePoll('closed', { closesAt: now - 1_000 }),
  makePoll('later', { opensAt: now + 3_600_000 }),
];

beforeEach(async () => {
  await redis.flushall();
  await setUp(redis, polls);
});

describe('a producer', () => {
  it('knows the polls, the time of Redis, and that it is ready', async () => {
    const producer = createTestProducer(server.url);
    expect(producer.polls()).toBeUndefined();
    await producer.ready;
    expect(producer.polls()).toEqual(polls);
    expect(Math.abs(producer.now() - (await redisNow(redis)))).toBeLessThan(2_000);
  });

  it('sends the ballots of one turn as one entry for each partition and poll', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const cast = [0, 1, 0, 1, 0, 1, 0, 1].map((partition, i) => ({
      poll: i < 4 ? 'pets' : 'other',
      voter: newVoter(partition),
      choices: [i % 3 ? 'a' : 'b'],
    }));
    const outcomes = await Promise.all(cast.map(({ poll, ...ballot }) => producer.append(poll, ballot)));
    const stored = await readAll(redis);
    expect(new Set(stored.map(({ partition, entryId }) => `${partition} ${entryId}`)).size).toBe(4);
    // Each answer names the very place where that voter's ballot stands.
    for (const [i, { poll, voter, choices }] of cast.entries()) {
      const outcome = outcomes[i]!;
      if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
      expect(stored).toContainEqual({ ...outcome.identity, poll, voter: voter.toString('hex'), choices });
    }
  });

  it('puts at most 200 ballots into an entry, in the order in which they came', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const voters = Array.from({ length: 2 * MAX_BALLOTS_PER_ENTRY + 50 }, () => newVoter(1));
    const outcomes = await Promise.all(
      voters.map((voter) => producer.append('pets', { voter, choices: ['a'] })),
    );
    expect(outcomes.every(({ outcome }) => outcome === 'accepted')).toBe(true);
    const stored = await readAll(redis);
    expect(stored.map(({ voter }) => voter)).toEqual(voters.map((voter) => voter.toString('hex')));
    const sizes = new Map<string, number>();
    for (const { entryId } of stored) sizes.set(entryId, (sizes.get(entryId) ?? 0) + 1);
    expect([...sizes.values()]).toEqual([200, 200, 50]);
    expect(await redis.hget(partitionKeys(1).state, 'accepted')).toBe('450');
  });

  it('keeps the order of a voter who casts several ballots at once', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const voter = newVoter();
    const order = Array.from({ length: 20 }, (_, i) => [i % 2 ? 'a' : 'b']);
    await Promise.all(order.map((choices) => producer.append('pets', { voter, choices })));
    expect(await choicesOf(redis, voter)).toEqual(order);
  });

  it('tells each refusal by its name, and none of the refused ballots is stored', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const cast = (poll: string) => producer.append(poll, { voter: newVoter(), choices: ['a'] });
    expect(await Promise.all(['closed', 'later', 'nobody'].map(cast))).toEqual([
      { outcome: 'poll-closed' },
      { outcome: 'poll-not-yet-open' },
      { outcome: 'not-accepted', reason: 'not-prepared' },
    ]);
    await redis.config('SET', 'maxmemory', '1');
    try {
      expect(await cast('pets')).toEqual({ outcome: 'not-accepted', reason: 'refused-by-redis' });
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    for (let partition = 0; partition < PARTITIONS; partition++)
      await redis.del(partitionKeys(partition).state);
    expect(await cast('pets')).toEqual({ outcome: 'not-accepted', reason: 'not-prepared' });
    expect(await readAll(redis)).toEqual([]);
    await openAll(redis, polls);
    expect(await cast('pets')).toMatchObject({ outcome: 'accepted' });
  });

  it('accepts also when Redis has forgotten the script', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    await redis.script('FLUSH');
    const outcomes = ['pets', 'other'].map((poll) =>
      producer.append(poll, { voter: newVoter(), choices: ['a'] }),
    );
    expect(await Promise.all(outcomes)).toMatchObject([{ outcome: 'accepted' }, { outcome: 'accepted' }]);
    expect(await readAll(redis)).toHaveLength(2);
  });

  it('refuses for sure, and is not ready, while no worker has set Redis up; afterwards it is ready by itself', async () => {
    await redis.flushall();
    const producer = createTestProducer(server.url);
    let ready = false;
    void producer.ready.then(() => {
      ready = true;
    });
    await expect.poll(() => producer.said).toContain('waiting: no worker has set this Redis up yet');
    expect(await producer.append('pets', { voter: newVoter(), choices: ['a'] })).toEqual({
      outcome: 'not-accepted',
      reason: 'unreachable',
    });
    expect(ready).toBe(false);
    await setUp(redis, polls);
    await producer.ready;
    expect(await producer.append('pets', { voter: newVoter(), choices: ['a'] })).toMatchObject({
      outcome: 'accepted',
    });
  });

  it('picks up polls that are published later', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const more = [...polls, makePoll('new')];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await publishPolls(redis, partition, 1, [{ ...more.at(-1)!, closed: false }]);
    }
    await publishDefinitions(redis, 2, more);
    await expect.poll(() => producer.polls(), { timeout: 5_000 }).toEqual(more);
    expect(await producer.append('new', { voter: newVoter(), choices: ['a'] })).toMatchObject({
      outcome: 'accepted',
    });
  });

  it('goes on with the polls that it knows when those published later cannot be read', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const warning = 'the published polls cannot be read: those known before stay in force';
    for (const [revision, text] of [
      '[{"key":"pets","eligibility":"of-a-later-version"}]',
      'no JSON',
    ].entries()) {
      await redis.hset(POLLS_KEY, 'revision', revision + 2, 'polls', text);
      await expect
        .poll(() => producer.said.filter((line) => line === warning), { timeout: 5_000 })
        .toHaveLength(revision + 1);
      expect(producer.polls()).toEqual(polls);
      expect(await producer.append('pets', { voter: newVoter(), choices: ['a'] })).toMatchObject({
        outcome: 'accepted',
      });
    }
    await publishDefinitions(redis, 4, [polls[0]!]);
    await expect.poll(() => producer.polls(), { timeout: 5_000 }).toEqual([polls[0]]);
  });

  it('waits for the answers to what was sent before it closes, and refuses what comes then', async () => {
    const proxy = await startProxy(server.port);
    const producer = createTestProducer(proxy.url);
    await producer.ready;
    proxy.hold('replies');
    const cast = producer.append('pets', { voter: newVoter(), choices: ['a'] });
    const closing = producer.close();
    const after = producer.append('pets', { voter: newVoter(), choices: ['a'] });
    expect(await after).toEqual({ outcome: 'not-accepted', reason: 'unreachable' });
    await expect.poll(() => proxy.held('replies'), { interval: 2 }).toBeGreaterThan(0);
    proxy.release('replies');
    expect(await cast).toMatchObject({ outcome: 'accepted' });
    await closing;
    await producer.close();
    expect(await readAll(redis)).toHaveLength(1);
  });
});
