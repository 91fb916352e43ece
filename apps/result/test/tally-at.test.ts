import { describe, expect, test } from 'vitest';
import { takeSnapshot } from '../src/taken-snapshot.ts';
import { tallyAt } from '../src/tally-at.ts';
import { keptOf, NOW, partitionOf, pollOf, snapshotOf } from './support/snapshots.ts';

/** The tally `ms` after the read, which took 40 ms. */
function after(ms: number, snapshot = snapshotOf()) {
  const taken = takeSnapshot({ snapshot, startedAt: 1_000, finishedAt: 1_040 }, undefined);
  return tallyAt(taken, snapshot.polls[0]!, 1_000 + ms);
}

test('a fresh snapshot is live and has the form of the contract', () => {
  expect(after(50)).toEqual({
    poll: 'best-friend',
    question: 'Cats or dogs?',
    options: [
      { key: 'a', label: 'Cats', votes: 2 },
      { key: 'b', label: 'Dogs', votes: 1 },
    ],
    turnout: 3,
    asOf: '2026-06-01T11:59:59.900Z',
    queued: 0,
    status: 'live',
    phase: 'open',
    opensAt: null,
    closesAt: null,
  });
});

test('the fields come in the order of the contract', () => {
  expect(Object.keys(after(50))).toEqual(
    'poll question options turnout asOf queued status phase opensAt closesAt'.split(' '),
  );
});

describe('freshness', () => {
  test('turns stale when the heartbeat has become older than 5 s since the read started', () => {
    expect(after(4_900).status).toBe('live');
    expect(after(4_901).status).toBe('stale');
  });

  test('turns delayed when the oldest queued ballot has become older than 2 s', () => {
    const snapshot = snapshotOf({ partitions: [partitionOf({ queued: 3, oldestQueuedMs: 1_400 })] });
    expect(after(500, snapshot).status).toBe('live');
    expect(after(501, snapshot).status).toBe('delayed');
    expect(after(5_000, snapshot).status).toBe('stale');
  });

  test('without a queue no time makes it delayed', () => {
    expect(after(4_000).status).toBe('live');
  });

  test('is that of the worst partition, and the queues add up', () => {
    const good = partitionOf({ queued: 1, oldestQueuedMs: 10 });
    const slow = partitionOf({ partition: 1, queued: 5, oldestQueuedMs: 3_000 });
    const dead = partitionOf({ partition: 2, queued: 2, heartbeatAt: NOW - 60_000 });
    expect(after(10, snapshotOf({ partitions: [good, slow] }))).toMatchObject({
      status: 'delayed',
      queued: 6,
      asOf: new Date(NOW - 3_100).toISOString(),
    });
    expect(after(10, snapshotOf({ partitions: [dead, slow, good] }))).toMatchObject({
      status: 'stale',
      queued: 8,
      asOf: new Date(NOW - 60_000).toISOString(),
    });
  });

  test('a partition that never had a heartbeat is stale, and promises no more than it recorded', () => {
    const never = (recordedUpTo: number) =>
      snapshotOf({
        partitions: [partitionOf(), partitionOf({ partition: 1, heartbeatAt: null, recordedUpTo })],
      });
    expect(after(10, never(0))).toMatchObject({ status: 'stale', asOf: '1970-01-01T00:00:00.000Z' });
    expect(after(10, never(NOW - 5)).asOf).toBe('2026-06-01T11:59:59.900Z');
    // Redis's clock may be ahead.
    const ahead = partitionOf({ heartbeatAt: null, recordedUpTo: NOW + 5_000 });
    expect(after(10, snapshotOf({ partitions: [ahead] })).asOf).toBe('2026-06-01T12:00:00.000Z');
  });

  test('a store that is not set up yet is stale', () => {
    expect(after(10, snapshotOf({ partitions: [] })).status).toBe('stale');
  });
});

describe('phase', () => {
  const timed = (
    opensAt: number | null,
    closesAt: number | null,
    phase: 'scheduled' | 'open' | 'closed' | 'final',
  ) => snapshotOf({ polls: [keptOf({ phase, poll: pollOf({ opensAt, closesAt }) })] });

  test('opens and closes by the clock while nothing can be read, and never becomes final by it', () => {
    const snapshot = timed(NOW + 1_000, NOW + 5_000, 'scheduled');
    expect(after(1_039, snapshot).phase).toBe('scheduled');
    expect(after(1_040, snapshot).phase).toBe('open');
    expect(after(5_039, snapshot).phase).toBe('open');
    expect(after(5_040, snapshot).phase).toBe('closed');
    expect(after(1e9, snapshot).phase).toBe('closed');
  });

  test('never goes back: a poll that was closed early or is final stays so', () => {
    expect(after(10, timed(null, NOW + 60_000, 'closed')).phase).toBe('closed');
    expect(after(10, timed(null, NOW + 60_000, 'final')).phase).toBe('final');
  });

  test('hidden votes do not appear by the clock: another clock may still accept ballots', () => {
    const poll = pollOf({ results: 'after-close', closesAt: NOW + 2_000 });
    const byOurs = snapshotOf({ polls: [keptOf({ poll })] });
    const byTheStores = snapshotOf({ polls: [keptOf({ poll, phase: 'closed' })] });
    for (const [ms, snapshot] of [
      [1e9, byOurs],
      [10, byTheStores],
    ] as const) {
      expect(after(ms, snapshot)).toMatchObject({
        phase: 'closed',
        turnout: 3,
        options: [{ votes: null }, { votes: null }],
      });
    }
  });

  test('hidden votes appear when every partition has noted the closing', () => {
    const poll = pollOf({ results: 'after-close', closesAt: NOW - 1 });
    const closed = snapshotOf({ polls: [keptOf({ poll, phase: 'closed', closedEverywhere: true })] });
    expect(after(10, closed).options.map(({ votes }) => votes)).toEqual([2, 1]);
  });
});
