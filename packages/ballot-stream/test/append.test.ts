import { startTestRedis } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { decodeEntry } from '../src/entry.ts';
import { partitionKeys } from '../src/keys.ts';
import { closePoll, readEntries } from '../src/partition.ts';
import { append, connectForTests, openFresh, redisNow, remains, voter } from './support/partition-fixture.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const FAR = 60_000;
let partition = 0;

describe('the append script', () => {
  it('accepts: each entry holds its ballots and the total with them, and the state follows', async () => {
    const { runId } = await openFresh(redis, ++partition);
    const deadline = (await redisNow(redis)) + FAR;
    const two = [voter(1), voter(2)].map((who) => ({ voter: who, choices: ['a'] }));
    const [first, firstNow, firstId] = await append(redis, partition, { runId, deadline, ballots: two });
    const [second, now, secondId] = await append(redis, partition, { runId, deadline });
    expect([first, second]).toEqual(['accepted', 'accepted']);
    expect(Math.abs(now - (await redisNow(redis)))).toBeLessThan(5_000);
    expect(await readEntries(redis, partition, '0-0', 10, 100)).toEqual([
      { kind: 'ballots', id: firstId, poll: 'pets', total: 2, acceptedAt: firstNow, ballots: two },
      {
        kind: 'ballots',
        id: secondId,
        poll: 'pets',
        total: 3,
        acceptedAt: now,
        ballots: [{ voter: voter(1), choices: ['a'] }],
      },
    ]);
    expect((await remains(redis, partition)).state.accepted).toBe('3');
  });

  it("writes Redis's time into the entry, also where ids are ahead of the clock", async () => {
    const { runId } = await openFresh(redis, ++partition);
    const ahead = (await redisNow(redis)) + 3_600_000;
    await redis.xsetid(partitionKeys(partition).ballots, `${ahead}-0`);
    const [, now, id] = await append(redis, partition, { runId, deadline: ahead });
    expect(id).toBe(`${ahead}-1`);
    expect(await readEntries(redis, partition, '0-0', 1, 100)).toMatchObject([{ id, acceptedAt: now }]);
    expect(now).toBeLessThan(ahead);
  });

  it('writes totals beyond 32 bits and beyond what Lua prints in full as whole numbers', async () => {
    const { runId } = await openFresh(redis, ++partition);
    await redis.hset(partitionKeys(partition).state, 'accepted', '999999999999998');
    await append(redis, partition, { runId, deadline: (await redisNow(redis)) + FAR });
    const { state, entries } = await remains(redis, partition);
    expect(state.accepted).toBe('999999999999999');
    const [id, fields] = entries[0]!;
    expect(
      decodeEntry(
        id,
        fields.map((field) => Buffer.from(field)),
      ),
    ).toMatchObject({ total: 999_999_999_999_999 });
  });

  /** Opens a partition, lets `arrange` spoil it, and expects that an append changes nothing. */
  async function expectRefusal(
    refusal: string,
    arrange: (
      partition: number,
      now: number,
    ) => Promise<{ runId?: string; deadline?: number; poll?: string }>,
    times: { opensAt?: number; closesAt?: number; closed?: boolean } = {},
  ) {
    const { runId } = await openFresh(redis, ++partition, [
      { key: 'pets', opensAt: null, closesAt: null, closed: false, ...times },
      { key: 'other', opensAt: null, closesAt: null, closed: false },
    ]);
    const now = await redisNow(redis);
    await append(redis, partition, { runId, deadline: now + FAR, poll: 'other' });
    const changes = await arrange(partition, now);
    const before = await remains(redis, partition);
    const reply = await append(redis, partition, { runId, deadline: now + FAR, ...changes });
    expect(reply[0]).toBe(refusal);
    expect(reply).toHaveLength(2);
    expect(await remains(redis, partition)).toEqual(before);
  }

  it('refuses where the partition has no state', () =>
    expectRefusal('not-prepared', async (at) => {
      await redis.del(partitionKeys(at).state);
      return {};
    }));

  it('refuses where the state has no total', () =>
    expectRefusal('not-prepared', async (at) => {
      await redis.hdel(partitionKeys(at).state, 'accepted');
      return {};
    }));

  it('refuses a caller that is connected to another run of Redis', () =>
    expectRefusal('not-prepared', async () => ({ runId: 'f'.repeat(40) })));

  it('refuses when the deadline has passed by one millisecond', () =>
    expectRefusal('late', async (_, now) => ({ deadline: now - 1 })));

  it('refuses a poll that was never published', () =>
    expectRefusal('poll-unknown', async () => ({ poll: 'nobody' })));

  it('refuses a poll that is named like a part of a pattern', () =>
    expectRefusal('poll-unknown', async () => ({ poll: '.*' })));

  it('refuses before a poll opens', () =>
    expectRefusal('poll-not-yet-open', async () => ({}), { opensAt: Date.now() + FAR }));

  it('refuses from the moment on that a poll closes', () =>
    expectRefusal('poll-closed', async () => ({}), { closesAt: Date.now() - 1_000 }));

  it('refuses a poll that was closed for good, although its times would allow it', () =>
    expectRefusal(
      'poll-closed',
      async (at) => {
        expect(await closePoll(redis, at, 1, 'pets', true)).toBeDefined();
        return {};
      },
      { closesAt: Date.now() + FAR },
    ));

  it('takes ballots between opening and closing', async () => {
    const now = Date.now();
    const { runId } = await openFresh(redis, ++partition, [
      { key: 'pets', opensAt: now - FAR, closesAt: now + FAR, closed: false },
    ]);
    const [status] = await append(redis, partition, { runId, deadline: now + FAR });
    expect(status).toBe('accepted');
  });

  it('takes ballots in a poll that opened before 1970, and none in one that closed then', async () => {
    const { runId } = await openFresh(redis, ++partition, [
      { key: 'pets', opensAt: Date.parse('0001-01-01T00:00:00Z'), closesAt: null, closed: false },
      { key: 'ancient', opensAt: null, closesAt: 0, closed: false },
      { key: 'older', opensAt: null, closesAt: -1_000, closed: false },
    ]);
    const deadline = (await redisNow(redis)) + FAR;
    const replies = ['pets', 'ancient', 'older'].map((poll) =>
      append(redis, partition, { runId, deadline, poll }),
    );
    expect((await Promise.all(replies)).map(([status]) => status)).toEqual([
      'accepted',
      'poll-closed',
      'poll-closed',
    ]);
  });

  it('leaves nothing behind when Redis is out of memory, and goes on with the right total afterwards', async () => {
    const { runId } = await openFresh(redis, ++partition);
    const deadline = (await redisNow(redis)) + FAR;
    await append(redis, partition, { runId, deadline });
    const before = await remains(redis, partition);
    await redis.config('SET', 'maxmemory', '1');
    try {
      const failed = append(redis, partition, { runId, deadline });
      await expect(failed).rejects.toMatchObject({
        name: 'ReplyError',
        message: expect.stringContaining('OOM'),
      });
      expect(await remains(redis, partition)).toEqual(before);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    const [status] = await append(redis, partition, { runId, deadline });
    expect(status).toBe('accepted');
    expect((await remains(redis, partition)).state.accepted).toBe('2');
  });

  it('leaves the total alone when the entry cannot be added', async () => {
    const { runId } = await openFresh(redis, ++partition);
    const keys = partitionKeys(partition);
    await redis.del(keys.ballots);
    await redis.set(keys.ballots, 'not a stream');
    const deadline = (await redisNow(redis)) + FAR;
    await expect(append(redis, partition, { runId, deadline })).rejects.toThrow('WRONGTYPE');
    expect((await redis.hgetall(keys.state)).accepted).toBe('0');
  });
});
