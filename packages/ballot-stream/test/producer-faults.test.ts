import { makePoll } from '@hbf/contracts/testing';
import { startTestRedis } from '@hbf/local-services/testing';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { untilReady } from '../src/connection.ts';
import { POLLS_KEY } from '../src/keys.ts';
import type { Producer } from '../src/producer.ts';
import { connectForTests } from './support/partition-fixture.ts';
import {
  choicesOf,
  createTestProducer,
  newVoter,
  openAll,
  readAll,
  setUp,
} from './support/producer-fixture.ts';
import { startProxy } from './support/proxy.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const polls = [makePoll('pets')];
const UNREACHABLE = { outcome: 'not-accepted', reason: 'unreachable' };

beforeEach(async () => {
  await redis.flushall();
  await setUp(redis, polls);
});

const cast = (producer: Producer, voter = newVoter(), choice = 'a') =>
  producer.append('pets', { voter, choices: [choice] });

/** Casts ballots of new voters until one is accepted. */
async function untilAccepted(producer: Producer): Promise<void> {
  await expect.poll(() => cast(producer), { timeout: 15_000 }).toMatchObject({ outcome: 'accepted' });
}

describe('a producer whose Redis is stopped', () => {
  it('calls what it sent unconfirmed, refuses the rest at once, goes on afterwards, and nothing late counts', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    await server.kill('SIGSTOP');
    onTestFinished(() => server.kill('SIGCONT'));
    const sent = [newVoter(0), newVoter(1), newVoter(0)];
    const began = performance.now();
    expect(await Promise.all(sent.map((voter) => cast(producer, voter)))).toEqual(
      sent.map(() => ({ outcome: 'unconfirmed' })),
    );
    // Far from a client's or a proxy's time-out; the exact time is the load test's to check.
    expect(performance.now() - began).toBeLessThan(2_000);
    const then = performance.now();
    for (let i = 0; i < 20; i++) expect(await cast(producer)).toEqual(UNREACHABLE);
    // Twenty waits for an answer would take 3 s.
    expect(performance.now() - then).toBeLessThan(1_000);
    await server.kill('SIGCONT');
    await untilAccepted(producer);
    const stored = new Set((await readAll(redis)).map(({ voter }) => voter));
    for (const voter of sent) expect(stored).not.toContain(voter.toString('hex'));
  });

  it('connects again when Redis is silent for long, and works when it is back', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    await server.kill('SIGSTOP');
    onTestFinished(() => server.kill('SIGCONT'));
    await expect
      .poll(() => producer.said, { timeout: 10_000 })
      .toContain('Redis does not answer: connecting again');
    expect(await cast(producer)).toEqual(UNREACHABLE);
    await server.kill('SIGCONT');
    await untilAccepted(producer);
  });
});

describe('a producer whose Redis was killed', () => {
  it('refuses for sure until the partitions are opened for the new run, then accepts, without being made anew', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const before = newVoter();
    expect(await cast(producer, before)).toMatchObject({ outcome: 'accepted' });
    await server.kill('SIGKILL');
    await expect.poll(() => cast(producer)).toEqual(UNREACHABLE);
    await server.start();
    await expect
      .poll(() => cast(producer), { timeout: 10_000 })
      .toEqual({ outcome: 'not-accepted', reason: 'not-prepared' });
    await untilReady(redis, 10_000);
    expect((await readAll(redis)).map(({ voter }) => voter)).toEqual([before.toString('hex')]);
    await openAll(redis, polls);
    expect(await cast(producer)).toMatchObject({ outcome: 'accepted' });
  });

  it('refuses for sure when Redis was not there from the beginning, and finds it later', async () => {
    await server.kill('SIGKILL');
    onTestFinished(async () => {
      if (!server.running) await server.start();
    });
    const producer = createTestProducer(server.url);
    expect(await cast(producer)).toEqual(UNREACHABLE);
    await server.start();
    await untilReady(redis, 10_000);
    await openAll(redis, polls);
    await producer.ready;
    await untilAccepted(producer);
  });
});

describe('a producer whose connection is disturbed', () => {
  it('never sends a ballot again that was on its way when the connection was cut', async () => {
    const proxy = await startProxy(server.port);
    const producer = createTestProducer(proxy.url);
    await producer.ready;
    proxy.hold('requests');
    const voter = newVoter();
    const outcome = cast(producer, voter);
    await expect.poll(() => proxy.held('requests'), { interval: 1 }).toBeGreaterThan(0);
    proxy.cut();
    proxy.release('requests');
    expect(await outcome).toEqual({ outcome: 'unconfirmed' });
    await untilAccepted(producer);
    expect(await choicesOf(redis, voter)).toEqual([]);
  });

  it('calls a ballot unconfirmed whose answer was cut off; cast again it stands behind the first', async () => {
    const proxy = await startProxy(server.port);
    const producer = createTestProducer(proxy.url);
    await producer.ready;
    proxy.hold('replies');
    const voter = newVoter();
    const outcome = cast(producer, voter, 'a');
    await expect.poll(() => proxy.held('replies'), { interval: 1 }).toBeGreaterThan(0);
    proxy.cut();
    proxy.release('replies');
    expect(await outcome).toEqual({ outcome: 'unconfirmed' });
    await untilAccepted(producer);
    expect(await cast(producer, voter, 'b')).toMatchObject({ outcome: 'accepted' });
    expect(await choicesOf(redis, voter)).toEqual([['a'], ['b']]);
  });

  it('is given another connection for one on which nothing comes back any more, although no ballot was sent', async () => {
    const proxy = await startProxy(server.port);
    const producer = createTestProducer(proxy.url);
    await producer.ready;
    proxy.hold('replies');
    await expect
      .poll(() => producer.said, { timeout: 10_000 })
      .toContain('Redis does not answer: connecting again');
    expect(await cast(producer)).toEqual(UNREACHABLE);
    proxy.release('replies');
    await untilAccepted(producer);
  });

  it('keeps a connection on which Redis answers, also if it refuses to tell the polls', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    await redis.del(POLLS_KEY);
    await redis.set(POLLS_KEY, 'no hash');
    await expect
      .poll(() => producer.said, { timeout: 10_000 })
      .toContain('the published polls cannot be read: those known before stay in force');
    expect(await cast(producer)).toMatchObject({ outcome: 'accepted' });
    expect(producer.said.filter((line) => line.includes('connect'))).toEqual([]);
  });

  it('never lets a ballot run that was stuck on its way until after its deadline', async () => {
    const proxy = await startProxy(server.port);
    const producer = createTestProducer(proxy.url);
    await producer.ready;
    proxy.hold('requests');
    const voter = newVoter();
    expect(await cast(producer, voter)).toEqual({ outcome: 'unconfirmed' });
    expect(proxy.held('requests')).toBeGreaterThan(0);
    proxy.release('requests');
    // Its turn comes before that of any later ballot: they go through the same connection.
    await untilAccepted(producer);
    expect(await choicesOf(redis, voter)).toEqual([]);
  });

  it('does not store a ballot that waited in a process which was too busy to send it in time', async () => {
    const producer = createTestProducer(server.url);
    await producer.ready;
    const voter = newVoter();
    const outcome = cast(producer, voter);
    const until = performance.now() + 300;
    while (performance.now() < until);
    // Which of the two depends on whether Redis's "late" or the end of the wait is seen first.
    expect(['late', 'unconfirmed']).toContain(
      await outcome.then((result) => ('reason' in result ? result.reason : result.outcome)),
    );
    await untilAccepted(producer);
    expect(await choicesOf(redis, voter)).toEqual([]);
  });
});
