import type { TallySnapshot } from '@hbf/ballot-store/read-tallies';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTallyFeed } from '../src/tally-feed.ts';
import { createTestLog } from './support/service.ts';
import { keptOf, NOW, partitionOf, snapshotOf } from './support/snapshots.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A feed on a store whose reads end when the test says so. */
function feedOn() {
  const reads: { resolve: (snapshot: TallySnapshot) => void; reject: (error: Error) => void }[] = [];
  const { log, lines } = createTestLog();
  const feed = createTallyFeed({
    read: () => new Promise((resolve, reject) => reads.push({ resolve, reject })),
    log,
  });
  return { feed, reads, lines };
}

test('knows nothing before the first read, then tells it and ages it', async () => {
  const { feed, reads } = feedOn();
  feed.start();
  expect(feed.polls()).toBeUndefined();
  expect(feed.tally('best-friend')).toBeUndefined();
  reads[0]!.resolve(snapshotOf());
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.polls()).toEqual([{ key: 'best-friend', question: 'Cats or dogs?' }]);
  expect(feed.tally('best-friend')?.status).toBe('live');
  expect(feed.tally('__proto__')).toBeUndefined();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(feed.tally('best-friend')).toMatchObject({ status: 'stale', turnout: 3 });
});

test('the age counts from the start of a slow read', async () => {
  const { feed, reads } = feedOn();
  feed.start();
  await vi.advanceTimersByTimeAsync(4_950);
  reads[0]!.resolve(snapshotOf());
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.tally('best-friend')?.status).toBe('stale');
});

test('reads once for all hints that come during a read, and never two at once', async () => {
  const { feed, reads } = feedOn();
  feed.start();
  for (let hint = 0; hint < 100; hint += 1) feed.hint();
  await vi.advanceTimersByTimeAsync(500);
  expect(reads).toHaveLength(1);
  reads[0]!.resolve(snapshotOf());
  await vi.advanceTimersByTimeAsync(100);
  expect(reads).toHaveLength(2);
});

test('reads at most 20 times a second under a storm of hints, and once more after the last one', async () => {
  const starts: number[] = [];
  const feed = createTallyFeed({
    read: async () => {
      starts.push(performance.now());
      return snapshotOf();
    },
    log: createTestLog().log,
  });
  for (let ms = 0; ms < 3_000; ms += 1) {
    feed.hint();
    await vi.advanceTimersByTimeAsync(1);
  }
  const lastHint = performance.now() - 1;
  await vi.advanceTimersByTimeAsync(60);
  for (const start of starts) {
    const within = starts.filter((other) => other >= start && other <= start + 1_000);
    expect(within.length).toBeLessThanOrEqual(20);
  }
  expect(starts.length).toBeGreaterThan(40);
  expect(starts.at(-1)).toBeGreaterThanOrEqual(lastHint);
  feed.stop();
});

test('reads every second without any hint', async () => {
  const { feed, reads } = feedOn();
  feed.start();
  for (let second = 0; second < 5; second += 1) {
    reads.at(-1)!.resolve(snapshotOf());
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(reads).toHaveLength(6);
  feed.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(reads).toHaveLength(6);
});

test('keeps telling the last tally while reads fail, and logs the loss and the return once each', async () => {
  const { feed, reads, lines } = feedOn();
  feed.start();
  reads[0]!.resolve(snapshotOf());
  for (let second = 0; second < 7; second += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    reads.at(-1)!.reject(new Error('away'));
  }
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.tally('best-friend')).toMatchObject({ status: 'stale', turnout: 3 });
  expect(lines).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  const now = NOW + 9_000;
  const fresh = {
    now,
    polls: [keptOf({ turnout: 4 })],
    partitions: [partitionOf({ heartbeatAt: now - 100 })],
  };
  reads.at(-1)!.resolve(fresh);
  await vi.advanceTimersByTimeAsync(1_000);
  reads.at(-1)!.resolve(fresh);
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.tally('best-friend')).toMatchObject({ status: 'live', turnout: 4 });
  expect(lines).toHaveLength(2);
});

test("is stale 5 s after the last beat was seen, though PostgreSQL's clock was set back behind it", async () => {
  const { feed, reads } = feedOn();
  const statuses: string[] = [];
  feed.start();
  for (let second = 0; second < 13; second += 1) {
    // An hour ahead while workers beat; set right in second 4, when they are dead.
    const beats = second < 4;
    const now = NOW + second * 1_000 + (beats ? 3_600_000 : 0);
    const heartbeatAt = NOW + 3_600_000 + Math.min(second, 3) * 1_000 - 100;
    reads.at(-1)!.resolve(snapshotOf({ now, partitions: [partitionOf({ heartbeatAt })] }));
    await vi.advanceTimersByTimeAsync(0);
    const { status, asOf } = feed.tally('best-friend')!;
    statuses.push(status);
    expect(Date.parse(asOf)).toBeLessThanOrEqual(now);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(statuses).toEqual([...Array(8).fill('live'), ...Array(5).fill('stale')]);
  feed.stop();
});
