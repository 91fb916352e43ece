import { afterEach, describe, expect, it } from 'vitest';
import type { SeedOptions } from '../src/command-line.ts';
import { createProgress } from '../src/progress.ts';
import { seed } from '../src/seed.ts';
import { type FaultAction, startFakeServices } from './fake-services.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function services(setting?: Parameters<typeof startFakeServices>[0]) {
  const fake = await startFakeServices(setting);
  close = fake.close;
  return fake;
}

async function run(
  url: string,
  options: Partial<SeedOptions> = {},
  signal = new AbortController().signal,
  crowdKey?: string,
) {
  let text = '';
  const progress = createProgress({
    write: (part) => {
      text += part;
    },
  });
  const right = await seed(
    {
      poll: 'best-friend',
      ballots: new Map([
        ['a', 40],
        ['b', 20],
      ]),
      concurrency: 8,
      waitMs: 10_000,
      ...options,
    },
    { voteUrl: url, resultUrl: url, progress, signal, crowdKey },
  );
  return { right, text };
}

const counts = (ballots: Map<string, string>) =>
  [...ballots.values()].reduce<Record<string, number>>((all, choice) => {
    all[choice] = (all[choice] ?? 0) + 1;
    return all;
  }, {});

/** A fault of every POST whose number is in the list. */
const faultAt = (numbers: number[], action: FaultAction) => (post: number) =>
  numbers.includes(post) ? action : undefined;

describe('seed', () => {
  it('casts as many ballots for each option as it is asked to, and sees the tally grow by exactly those', async () => {
    const fake = await services();
    const { right, text } = await run(fake.url, {
      ballots: new Map([
        ['a', 400],
        ['b', 200],
      ]),
      concurrency: 50,
    });
    expect(right, text).toBe(true);
    expect(counts(fake.ballots)).toEqual({ a: 400, b: 200 });
    expect(fake.posts.length).toBe(600);
    expect(text).toContain('Accepted 600 of 600 ballots');
    expect(text).toContain('Cats (a): 7 before, 407 after');
    expect(text).toContain('Dogs (b): 8 before, 208 after');
    expect(text).toContain('turnout: 24 before, 624 after');
    expect(text).toMatch(/p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms/);
    expect(text).toContain('grew by exactly');
  });

  it('gives each ballot of an open poll a key of its own and sends no cookie', async () => {
    const fake = await services({ eligibility: 'open' });
    const { right, text } = await run(fake.url);
    expect(right, text).toBe(true);
    expect(new Set(fake.posts).size).toBe(60);
  });

  it.each<[string, FaultAction]>([
    ['a 503 that says not-accepted', { counts: false, answer: { status: 503, type: 'not-accepted' } }],
    [
      'a 503 whose ballot counted all the same',
      { counts: true, answer: { status: 503, type: 'unconfirmed' } },
    ],
    ['a 429', { counts: false, answer: { status: 429, type: 'too-many-requests' } }],
    ['a connection that broke before the ballot counted', { counts: false, answer: 'break' }],
    ['a connection that broke after the ballot counted', { counts: true, answer: 'break' }],
  ])('votes again as the same voter after %s', async (_, action) => {
    const fake = await services({ fault: faultAt([5, 6, 30], action) });
    const { right, text } = await run(fake.url);
    expect(right, text).toBe(true);
    expect(fake.posts.length).toBe(63);
    expect(new Set(fake.posts).size).toBe(60);
    expect(counts(fake.ballots)).toEqual({ a: 40, b: 20 });
    expect(text).toContain('3 retries');
  });

  it('comes back no earlier than Retry-After asks', async () => {
    const times: number[] = [];
    const fake = await services({
      fault: (post) => {
        times.push(performance.now());
        return post === 1
          ? { counts: false, answer: { status: 503, type: 'not-accepted', retryAfter: '1' } }
          : undefined;
      },
    });
    const { right, text } = await run(fake.url, { ballots: new Map([['a', 1]]) });
    expect(right, text).toBe(true);
    expect(times).toHaveLength(2);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990);
  });

  it('shows its key with every ballot, and none where it has none', async () => {
    const fake = await services();
    await run(fake.url);
    expect([...fake.crowdKeys]).toEqual([undefined]);
    fake.crowdKeys.clear();
    const { right, text } = await run(fake.url, {}, undefined, 'k1:5ec4e7');
    expect(right, text).toBe(true);
    expect([...fake.crowdKeys]).toEqual(['k1:5ec4e7']);
  });

  it('limited for a moment, says once what would let it pass, waits and casts the rest', async () => {
    const limited = { counts: false, answer: { status: 429, type: 'too-many-requests', retryAfter: '1' } };
    const fake = await services({ fault: faultAt([21, 22, 23], limited as FaultAction) });
    const { right, text } = await run(fake.url);
    expect(right, text).toBe(true);
    expect(counts(fake.ballots)).toEqual({ a: 40, b: 20 });
    expect(text.match(/set CROWD_KEY to one of its CROWD_KEYS/g)).toHaveLength(1);
    expect(text).toContain('asks to wait 1 s');
  });

  it('limited for longer than it may wait, ends at once instead of sending all the rest', async () => {
    const fake = await services({
      fault: (post) =>
        post > 20
          ? { counts: false, answer: { status: 429, type: 'too-many-requests', retryAfter: '3000' } }
          : undefined,
    });
    const { right, text } = await run(fake.url, {}, undefined, 'k1:wrong');
    expect(right).toBe(false);
    expect(fake.ballots.size).toBe(20);
    expect(fake.posts.length).toBeLessThan(40);
    expect(text).toContain('CROWD_KEY is none of its CROWD_KEYS');
    expect(text).toMatch(/Not accepted: \d+ ballots \(429/);
  });

  it('goes on when all voters at once are refused for a while, without a warning of its runtime', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error) => warnings.push(warning.message);
    process.on('warning', onWarning);
    const fake = await services({
      fault: (post) =>
        post <= 120 ? { counts: false, answer: { status: 503, type: 'not-accepted' } } : undefined,
    });
    const { right, text } = await run(fake.url, { concurrency: 60 });
    process.off('warning', onWarning);
    expect(right, text).toBe(true);
    expect(counts(fake.ballots)).toEqual({ a: 40, b: 20 });
    expect(warnings).toEqual([]);
  });

  it('fails and names what is missing when the tally grew by less', async () => {
    const fake = await services({ distort: (votes) => ({ ...votes, b: votes.b! - 1 }) });
    const { right, text } = await run(fake.url, { waitMs: 600 });
    expect(right).toBe(false);
    expect(text).toContain('Dogs (b) grew by 19 and not by 20');
    expect(text).toContain('turnout grew by 59 and not by 60');
    expect(text).not.toContain('Cats (a) grew');
  });

  it('fails at once when the tally grew by more, and says that others may have voted', async () => {
    const fake = await services({ distort: (votes) => ({ ...votes, c: votes.c! + 2 }) });
    const started = performance.now();
    const { right, text } = await run(fake.url, { waitMs: 15_000 });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(right).toBe(false);
    expect(text).toContain('Neither (c) grew by 2 and not by 0');
    expect(text).toContain('if somebody else voted meanwhile');
  });

  it('waits for ballots that are still queued, and reads the tally until they are counted', async () => {
    let late = 0;
    const fake = await services({
      distort: (votes) => (late++ < 3 ? { ...votes, a: votes.a! - 5 } : votes),
    });
    const { right, text } = await run(fake.url);
    expect(right, text).toBe(true);
    expect(late).toBe(4);
  });

  it('checks the turnout alone where the results are hidden', async () => {
    const hidden = await services({ results: 'after-close' });
    const { right, text } = await run(hidden.url);
    expect(right, text).toBe(true);
    expect(text).toContain('Cats (a): hidden before, hidden after');
  });

  it('says that ballots are unconfirmed when no try was answered in time', async () => {
    const fake = await services({ fault: () => ({ counts: true, answer: 'break' }) });
    const { right, text } = await run(fake.url, {
      ballots: new Map([['a', 3]]),
      waitMs: 600,
    });
    expect(right).toBe(false);
    expect(text).toContain('Unconfirmed: 3 ballots');
    expect(text).toContain('Unconfirmed ballots may be among them');
  });

  it('stops at the first answer that no retry can turn', async () => {
    const fake = await services({
      fault: (post) =>
        post >= 10 ? { counts: false, answer: { status: 403, type: 'poll-closed' } } : undefined,
    });
    const { right, text } = await run(fake.url, { concurrency: 2 });
    expect(right).toBe(false);
    expect(fake.posts.length).toBeLessThanOrEqual(11);
    expect(text).toContain('403: The fault poll-closed');
    expect(text).toContain('Accepted 9 of 60');
  });

  it('lets what is in flight finish when it is stopped, and begins nothing new', async () => {
    const stop = new AbortController();
    const fake = await services({
      fault: (post) => {
        if (post === 10) stop.abort();
        return undefined;
      },
    });
    const { right, text } = await run(fake.url, { concurrency: 4 }, stop.signal);
    expect(right).toBe(false);
    expect(fake.posts.length).toBeLessThanOrEqual(14);
    expect(text).toContain(`Accepted ${fake.ballots.size} of 60`);
    expect(text).toContain('Stopped before the end');
  });

  it('refuses a closed poll, an unknown poll and an unknown option before it casts anything', async () => {
    const fake = await services();
    await expect(run(fake.url, { ballots: new Map([['x', 1]]) })).rejects.toThrow('has no option "x"');
    await expect(run(fake.url, { poll: 'other' })).rejects.toThrow('404: There is no such poll');
    expect(fake.posts).toEqual([]);
    await fake.close();
    const closed = await services({ phase: 'closed' });
    await expect(run(closed.url)).rejects.toThrow('is closed');
  });

  it('says what it waits for while nobody answers, and gives up in time', async () => {
    const fake = await services();
    await fake.close();
    close = undefined;
    await expect(run(fake.url, { waitMs: 500 })).rejects.toThrow(
      /the vote service at .*ECONNREFUSED.*time to wait is up/,
    );
  });
});
