import type { TurnoutPoint } from '@hbf/ballot-store/read-turnout-points';
import type { Poll } from '@hbf/contracts/poll';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTurnoutHistory, MOST_POINTS } from '../src/turnout-history.ts';
import { createFakeFeed } from './support/fake-feed.ts';
import { createTestLog } from './support/service.ts';
import { keptOf, NOW, pollOf, snapshotOf } from './support/snapshots.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const HOUR = 3_600_000;

/** A history on a feed and on stored points that the test makes up. Times in ms, since `NOW` by PostgreSQL's clock. */
function follow(changes: Partial<Poll> = {}) {
  const feed = createFakeFeed();
  const { log, lines } = createTestLog();
  const store = {
    points: [] as TurnoutPoint[],
    away: false,
    reads: 0,
  };
  const history = createTurnoutHistory({
    feed,
    log,
    async read() {
      store.reads += 1;
      if (store.away) throw new Error('away');
      return new Map([['best-friend', store.points.map((point) => ({ ...point, at: NOW + point.at }))]]);
    },
  });
  const give = (at: number, turnout: number, polls: string[] = ['best-friend']) => {
    feed.give(
      snapshotOf({
        now: NOW + at + 0.5,
        polls: polls.map((key) => keptOf({ poll: pollOf({ ...changes, key }), turnout })),
      }),
    );
  };
  return {
    store,
    history,
    lines,
    give,
    /** A read of the feed, `ours` ms after the one before by our clock, and what comes of it. */
    async read(at: number, turnout: number, ours = 1_000) {
      vi.advanceTimersByTime(ours);
      give(at, turnout);
      await settle();
    },
    points: () => history.points('best-friend')?.map(({ at, voters }) => [at - NOW, voters]),
  };
}

const settle = () => new Promise(setImmediate);

describe('the points of a poll', () => {
  test('are unknown before anything was read, and until the stored ones were read', async () => {
    const { history, give, points } = follow();
    expect(points()).toBeUndefined();
    give(0, 3);
    // Otherwise all voters would seem to have come at this moment.
    expect(points()).toBeUndefined();
    await settle();
    expect(points()).toEqual([
      [-1, 0],
      [0, 3],
    ]);
    expect(history.points('nope')).toBeUndefined();
    expect(history.points('__proto__')).toBeUndefined();
  });

  test('are none before the first voter', async () => {
    const { read, points } = follow({ opensAt: NOW - HOUR });
    await read(0, 0);
    expect(points()).toEqual([]);
  });

  test.each([
    ['when the poll opened', -HOUR, -HOUR],
    ['just before the first voter, where the poll was always open', null, -101],
    ['just before the first voter, where it is said to have opened later', 500, -101],
  ])('begin with nobody %s', async (_, opensAt, expected) => {
    const { store, read, points } = follow({ opensAt: opensAt === null ? null : NOW + opensAt });
    store.points = [{ at: -100, voters: 2 }];
    await read(0, 2);
    expect(points()).toEqual([
      [expected, 0],
      [-100, 2],
    ]);
  });

  test('are the stored ones, and then grow with each read of the feed that finds more voters', async () => {
    const { store, read, points } = follow();
    store.points = [
      { at: -9_000, voters: 2 },
      { at: -4_000, voters: 5 },
    ];
    for (const [second, turnout] of [6, 6, 9, 9, 12].entries()) await read(second * 1_000, turnout);
    expect(points()!.slice(1)).toEqual([
      [-9_000, 2],
      [-4_000, 5],
      [0, 6],
      [2_000, 9],
      [4_000, 12],
    ]);
    expect(store.reads).toBe(1);
  });

  test('are at most so many, from the first to the last, however long a poll goes on', async () => {
    const { read, points } = follow();
    for (let n = 1; n <= 2_000; n += 1) await read(n * 55, n, 55);
    expect(points()!.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(points()!.length).toBeGreaterThan(MOST_POINTS / 2);
    expect(points()!.slice(0, 2)).toEqual([
      [54, 0],
      [55, 1],
    ]);
    expect(points()!.at(-1)).toEqual([2_000 * 55, 2_000]);
  });

  test('of a poll that is new are those that the feed saw', async () => {
    const { history, read, give } = follow();
    await read(0, 3);
    give(1_000, 4, ['best-friend', 'lunch']);
    expect(history.points('lunch')?.map(({ voters }) => voters)).toEqual([0, 4]);
  });
});

describe('the stored points are read again', () => {
  test.each([
    ['the feed was without PostgreSQL', 20_000, 20_000],
    ['the feed was without PostgreSQL, whose clock was set back meanwhile', 1_000, 20_000],
    ["PostgreSQL's clock was stepped forth", HOUR, 1_000],
  ])('where %s', async (_, postgres, ours) => {
    const { store, read, points } = follow();
    await read(0, 3);
    store.points = [
      { at: 0, voters: 3 },
      { at: 500, voters: 8 },
    ];
    await read(postgres, 9, ours);
    expect(store.reads).toBe(2);
    expect(points()!.slice(1)).toEqual([
      [0, 3],
      [500, 8],
      [postgres, 9],
    ]);
  });

  test('and what was seen stays, which is nearer to the moment', async () => {
    const { store, read, points } = follow();
    store.points = [{ at: -5_000, voters: 3 }];
    await read(0, 3);
    await read(1_000, 4);
    await read(2_000, 5);
    store.points.push({ at: 1_500, voters: 4 });
    await read(9_000, 7);
    expect(store.reads).toBe(2);
    expect(points()!.slice(1)).toEqual([
      [-5_000, 3],
      [1_000, 4],
      [2_000, 5],
      [9_000, 7],
    ]);
  });

  test('without what was seen of a database that was since restored from a backup', async () => {
    const { store, read, points } = follow();
    store.points = [{ at: -5_000, voters: 3 }];
    for (let second = 0; second < 5; second += 1) await read(second * 1_000, 3 + second);
    await read(60_000, 3, 60_000);
    await read(61_000, 4);
    expect(points()!.slice(1)).toEqual([
      [-5_000, 3],
      [61_000, 4],
    ]);
  });

  test('as often as it is needed, and the points stay so many', async () => {
    const { store, read, points } = follow();
    for (let n = 1; n <= 500; n += 1) {
      await read(n * 6_000, n, 6_000);
      store.points = points()!.map(([at, voters]) => ({ at: at! - 3, voters: voters! }));
    }
    expect(store.reads).toBe(500);
    expect(points()!.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(points()!.at(-1)).toEqual([500 * 6_000, 500]);
  });

  test('after a failure with a later read of the feed, not with every one; it is logged once, and so is the end', async () => {
    const { store, read, points, lines } = follow();
    store.away = true;
    for (let n = 0; n < 100; n += 1) await read(n * 55, 3, 55);
    expect(points()).toBeUndefined();
    expect(store.reads).toBeGreaterThan(3);
    expect(store.reads).toBeLessThan(8);
    expect(lines).toHaveLength(1);
    store.away = false;
    await read(6_000, 3);
    expect(points()).toHaveLength(2);
    expect(lines).toHaveLength(2);
  });

  test('one read at a time, and once more for what was missed while one was under way', async () => {
    const { store, give, read, points } = follow();
    give(0, 3);
    vi.advanceTimersByTime(20_000);
    give(20_000, 5);
    expect(store.reads).toBe(1);
    await settle();
    store.points = [{ at: 10_000, voters: 5 }];
    await read(21_000, 5);
    expect(store.reads).toBe(2);
    expect(points()!.slice(1)).toEqual([[10_000, 5]]);
  });
});

describe("when PostgreSQL's clock is set back", () => {
  test('the points stay in order and none is told of a time to come', async () => {
    const { store, read, points } = follow();
    store.points = [{ at: -HOUR, voters: 1 }];
    await read(0, 3);
    await read(1_000, 4);
    // What is stored is told as of now, where that is later.
    store.points.push({ at: -HOUR / 2, voters: 4 });
    await read(-HOUR / 2, 5);
    await read(1_000 - HOUR / 2, 6);
    expect(points()!.slice(1)).toEqual([
      [-HOUR, 1],
      [-HOUR / 2, 5],
      [1_000 - HOUR / 2, 6],
    ]);
  });

  test('they stay in order, too, while the stored ones cannot be read', async () => {
    const { store, read, points } = follow();
    await read(0, 3);
    await read(1_000, 4);
    store.away = true;
    for (let second = 0; second < 5; second += 1) await read(-HOUR + second * 1_000, 5 + second);
    const told = points()!;
    expect(told.at(-1)).toEqual([1_000, 9]);
    expect(told.map(([at]) => at)).toEqual(told.map(([at]) => at).toSorted((a, b) => a! - b!));
  });
});
