import type { Poll } from '@hbf/contracts/poll';
import { makePoll } from '@hbf/contracts/testing';
import { startTestRedis } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { POLLS_KEY, partitionKeys, SYSTEM_KEY } from '../src/keys.ts';
import {
  closePoll,
  EpochSuperseded,
  peekPartition,
  publishDefinitions,
  publishPolls,
  readSystem,
  tieSystem,
} from '../src/partition.ts';
import {
  append,
  connectForTests,
  OPEN_POLL,
  openFresh,
  redisNow,
  remains,
} from './support/partition-fixture.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const FAR = 60_000;
let partition = 0;

describe('publishPolls', () => {
  it('writes each poll, and writes it again when its times change', async () => {
    await openFresh(redis, ++partition, [OPEN_POLL, { key: 'b', opensAt: 5, closesAt: 9, closed: true }]);
    expect((await remains(redis, partition)).polls).toEqual({ pets: '0 0 0', b: '5 9 1' });
    await publishPolls(redis, partition, 1, [{ ...OPEN_POLL, opensAt: 7, closesAt: 8 }]);
    expect((await remains(redis, partition)).polls).toEqual({ pets: '7 8 0', b: '5 9 1' });
  });

  it('never opens a closed poll again', async () => {
    await openFresh(redis, ++partition, [{ ...OPEN_POLL, closed: true }]);
    await publishPolls(redis, partition, 2, [{ ...OPEN_POLL, closesAt: 123, closed: false }]);
    expect((await remains(redis, partition)).polls).toEqual({ pets: '0 123 1' });
  });

  it('refuses an owner with an older epoch and changes nothing', async () => {
    await openFresh(redis, ++partition);
    await redis.hset(partitionKeys(partition).state, 'epoch', 10);
    const before = await remains(redis, partition);
    await expect(publishPolls(redis, partition, 9, [{ ...OPEN_POLL, closed: true }])).rejects.toThrow(
      EpochSuperseded,
    );
    expect(await remains(redis, partition)).toEqual(before);
  });
});

describe('closePoll', () => {
  it('does not close before the time, nor a poll without an end, nor an unknown one', async () => {
    const closesAt = (await redisNow(redis)) + FAR;
    await openFresh(redis, ++partition, [OPEN_POLL, { ...OPEN_POLL, key: 'later', closesAt }]);
    const before = await remains(redis, partition);
    for (const poll of ['pets', 'later', 'nobody']) {
      expect(await closePoll(redis, partition, 1, poll, false), poll).toBeUndefined();
    }
    expect(await remains(redis, partition)).toEqual(before);
  });

  it('closes when the time has come, and tells the id after which no ballot of the poll comes', async () => {
    const closesAt = (await redisNow(redis)) + 100;
    const { runId } = await openFresh(redis, ++partition, [{ ...OPEN_POLL, closesAt }]);
    const [, , id] = await append(redis, partition, { runId, deadline: closesAt + FAR });
    await expect.poll(() => closePoll(redis, partition, 1, 'pets', false)).toBe(id);
    expect(await redisNow(redis)).toBeGreaterThanOrEqual(closesAt);
    const [status] = await append(redis, partition, { runId, deadline: closesAt + FAR });
    expect(status).toBe('poll-closed');
  });

  it('closes by force whatever the clock says, for good, and can be asked again', async () => {
    const { runId } = await openFresh(redis, ++partition, [OPEN_POLL, { ...OPEN_POLL, key: 'other' }]);
    const first = await closePoll(redis, partition, 1, 'pets', true);
    expect(first).toBeDefined();
    const [, , id] = await append(redis, partition, {
      runId,
      deadline: (await redisNow(redis)) + FAR,
      poll: 'other',
    });
    expect(await closePoll(redis, partition, 1, 'pets', false)).toBe(id);
  });

  it('tells an id even where there is no stream yet', async () => {
    partition += 1;
    await publishPolls(redis, partition, 1, [OPEN_POLL]);
    expect(await closePoll(redis, partition, 1, 'pets', true)).toBe('0-0');
  });

  it('refuses an owner with an older epoch and changes nothing', async () => {
    await openFresh(redis, ++partition);
    await redis.hset(partitionKeys(partition).state, 'epoch', 10);
    const before = await remains(redis, partition);
    await expect(closePoll(redis, partition, 9, 'pets', true)).rejects.toThrow(EpochSuperseded);
    expect(await remains(redis, partition)).toEqual(before);
  });
});

describe('peekPartition', () => {
  it('shows a partition that has nothing', async () => {
    const view = await peekPartition(redis, ++partition, '0-0');
    expect(view).toEqual({
      now: expect.any(Number),
      runId: undefined,
      epoch: undefined,
      accepted: undefined,
      newest: '0-0',
      firstQueued: undefined,
    });
    expect(await redis.exists(...Object.values(partitionKeys(partition)))).toBe(0);
  });

  it('shows the first entry after the position, never the one at it', async () => {
    const { runId } = await openFresh(redis, ++partition);
    const deadline = (await redisNow(redis)) + FAR;
    // As ids are after the clock was set back.
    await redis.xsetid(partitionKeys(partition).ballots, `${Date.now() + 3_600_000}-0`);
    const appended: { id: string; acceptedAt: number }[] = [];
    for (let i = 0; i < 3; i++) {
      const [, acceptedAt, id] = await append(redis, partition, { runId, deadline });
      appended.push({ id: id!, acceptedAt });
    }
    const ids = appended.map(({ id }) => id);
    const seen = await Promise.all(['0-0', ...ids].map((at) => peekPartition(redis, partition, at)));
    expect(seen.map(({ firstQueued }) => firstQueued)).toEqual([...appended, undefined]);
    expect(seen[0]).toMatchObject({ runId, epoch: 1, accepted: 3, newest: ids[2] });
  });

  it.each([
    ['no time', ['some', 'entry']],
    ['a time that is no number', ['v', '2', 'a', 'NaN']],
    ['an empty time', ['v', '2', 'a', '']],
    ['a time in bytes', ['a', Buffer.from([0, 0xff, 0xfe])]],
    ['a time without end', ['a', '9'.repeat(100_000)]],
    ['a time that has not come', ['a', '999999999999999']],
  ])('takes the time of the id for an entry by hand with %s', async (_, fields) => {
    const { ballots } = partitionKeys(++partition);
    const id = (await redis.xadd(ballots, '*', ...fields))!;
    const { firstQueued } = await peekPartition(redis, partition, '0-0');
    expect(firstQueued).toEqual({ id, acceptedAt: Number(id.split('-')[0]) });
  });
});

describe('the tie between Redis and its system', () => {
  it('is made once and told ever after', async () => {
    await redis.del(SYSTEM_KEY);
    expect(await readSystem(redis)).toBeUndefined();
    const first = { id: 'first', partitions: 4 };
    expect(await tieSystem(redis, first)).toEqual(first);
    expect(await tieSystem(redis, { id: 'second', partitions: 8 })).toEqual(first);
    expect(await readSystem(redis)).toEqual(first);
  });
});

describe('publishDefinitions', () => {
  const poll = makePoll('pets');
  const published = async () => {
    const { revision, polls } = await redis.hgetall(POLLS_KEY);
    return [revision, (JSON.parse(polls!) as Poll[]).map(({ question }) => question)];
  };

  it('goes forward, by number and not by text, and never back', async () => {
    const publish = (revision: number, question: string) =>
      publishDefinitions(redis, revision, [{ ...poll, question }]);
    await publish(0, 'zero');
    expect(await published()).toEqual(['0', ['zero']]);
    await publish(9, 'nine');
    await publish(10, 'ten');
    await publish(9, 'nine again');
    await publish(10, 'ten again');
    expect(await published()).toEqual(['10', ['ten']]);
  });
});
