import type { TallySnapshot } from '@hbf/ballot-store/read-tallies';
import type { ReceiptStatus } from '@hbf/contracts/tally';
import type { Page } from 'playwright-core';
import { afterAll } from 'vitest';
import { createFakeFeed } from '../../apps/result/test/support/fake-feed.ts';
import { startTestService } from '../../apps/result/test/support/service.ts';
import { keptOf, NOW, partitionOf, pollOf, snapshotOf } from '../../apps/result/test/support/snapshots.ts';
import { LONG_LABELS, LUNCH, type State } from './state.ts';

const MINUTE = 60_000;

const lunch = pollOf(LUNCH);
const thirty = pollOf({
  question: 'Which of these should be the motto of our next summer camp, of those that you sent in?',
  options: LONG_LABELS.map((label, index) => ({ key: `o${index}`, label })),
  choices: { min: 1, max: 5 },
});
const thirtyVotes = LONG_LABELS.map((_, index) => (index * 37) % 101);

const friends = keptOf({ votes: [1_204, 1_187], turnout: 2_391 });
const others = [
  keptOf({ poll: lunch, votes: [31, 44, 58, 12, 7], turnout: 71 }),
  keptOf({
    poll: pollOf({
      key: 'later',
      rank: 2,
      question: 'Will it rain tomorrow?',
      opensAt: NOW + 24 * 60 * MINUTE,
    }),
    votes: [0, 0],
    turnout: 0,
    phase: 'scheduled',
  }),
  keptOf({
    poll: pollOf({ key: 'over', rank: 3, question: 'Was the talk good?', closesAt: NOW - MINUTE }),
    votes: [40, 2],
    turnout: 42,
    phase: 'final',
    closedEverywhere: true,
  }),
];

/** How a poll of an evening fills: slowly, fast, slowly. */
const filling = (turnout: number) =>
  Array.from({ length: 60 }, (_, index) => ({
    at: NOW - (60 - index) * MINUTE,
    voters: Math.round(turnout / (1 + Math.exp((30 - index) / 6))),
  }));

type Changes = {
  snapshot?: TallySnapshot | undefined;
  path?: string;
  config?: Parameters<typeof startTestService>[0]['config'];
  receipt?: Parameters<typeof startTestService>[0]['receipts'];
  /** The host name that the reader uses. */
  host?: string;
  reach?: (page: Page, close: () => Promise<void>) => Promise<void>;
};

/** A snapshot as it would be so much later (ms), if nothing but heartbeats came; one that is old has none. */
function later(snapshot: TallySnapshot, ms: number): TallySnapshot {
  const partitions = snapshot.partitions.map((partition) => ({
    ...partition,
    heartbeatAt:
      partition.heartbeatAt === null || partition.heartbeatAt < NOW - MINUTE
        ? partition.heartbeatAt
        : partition.heartbeatAt + ms,
  }));
  return { ...snapshot, now: snapshot.now + ms, partitions };
}

/** Every state of the result page. */
export function resultStates(): State[] {
  const state = (name: string, changes: Changes = {}): State => {
    let close = async () => {};
    return {
      name: `result-${name}`,
      async start() {
        const snapshot =
          'snapshot' in changes ? changes.snapshot : snapshotOf({ polls: [friends, ...others] });
        const feed = createFakeFeed(snapshot);
        // The owners' heartbeats go on.
        const from = performance.now();
        const beating = setInterval(
          () => snapshot && feed.give(later(snapshot, performance.now() - from)),
          500,
        );
        afterAll(() => clearInterval(beating));
        const service = await startTestService({
          feed,
          turnout: {
            points: (poll) => filling(feed.tally(poll)?.turnout ?? 0).filter(({ voters }) => voters > 0),
          },
          ...(changes.config && { config: changes.config }),
          ...(changes.receipt && { receipts: changes.receipt }),
        });
        close = service.close;
        return `http://${changes.host ?? '127.0.0.1'}:${service.port}${changes.path ?? '/'}`;
      },
      reach: async (page) => changes.reach?.(page, close),
    };
  };
  const one = (kept: Partial<TallySnapshot['polls'][number]>, partition = {}) =>
    snapshotOf({ polls: [keptOf(kept)], partitions: [partitionOf(partition)] });
  const known = (status: ReceiptStatus['status']) => ({
    lookUp: async () =>
      ({
        kind: 'known',
        poll: 'best-friend',
        status: { status, reason: 'the database refused it' },
      }) as const,
  });
  const closed = { poll: pollOf({ closesAt: NOW - MINUTE }), closedEverywhere: true };

  return [
    state('live'),
    state('first-ballot', { snapshot: one({ votes: [0, 0], turnout: 0 }) }),
    state('tie', { snapshot: one({ votes: [21, 21], turnout: 42 }) }),
    state('several', { path: '/p/lunch' }),
    state('queued', {
      snapshot: one({ votes: [120, 80], turnout: 200 }, { queued: 12, oldestQueuedMs: 300 }),
    }),
    state('delayed', {
      snapshot: one({ votes: [120, 80], turnout: 200 }, { queued: 4_312, oldestQueuedMs: 6_000 }),
    }),
    state('stale', { snapshot: one({ votes: [120, 80], turnout: 200 }, { heartbeatAt: NOW - 10 * MINUTE }) }),
    state('silent', {
      reach: async (page, close) => {
        await close();
        await page.locator('[data-tone="silent"]').waitFor({ timeout: 15_000 });
      },
    }),
    state('hidden', {
      snapshot: one({ poll: pollOf({ results: 'after-close', closesAt: NOW + 60 * MINUTE }), turnout: 37 }),
    }),
    state('hidden-closed', {
      snapshot: one({
        poll: pollOf({ results: 'after-close', closesAt: NOW - MINUTE }),
        phase: 'closed',
        turnout: 37,
      }),
    }),
    state('not-fully-started', { snapshot: one({ votes: [12, 8], turnout: 20 }, { heartbeatAt: null }) }),
    state('scheduled', { path: '/p/later' }),
    state('closed', {
      snapshot: one({ ...closed, phase: 'closed', votes: [30, 12], turnout: 42 }, { queued: 3 }),
    }),
    state('final', { snapshot: one({ ...closed, phase: 'final', votes: [30, 12], turnout: 42 }) }),
    state('final-nobody', { snapshot: one({ ...closed, phase: 'final', votes: [0, 0], turnout: 0 }) }),
    state('thirty-options', { snapshot: one({ poll: thirty, votes: thirtyVotes, turnout: 412 }) }),
    state('projector', {
      path: '/p/best-friend/projector',
      config: { PUBLIC_VOTE_URL: 'https://vote.example.org' },
    }),
    state('projector-localhost', {
      path: '/p/lunch/projector',
      host: 'localhost',
      config: { NETWORK_ADDRESS: '192.168.1.7' },
    }),
    state('projector-no-address', { path: '/p/lunch/projector', host: 'localhost' }),
    state('projector-thirty', {
      path: '/p/best-friend/projector',
      snapshot: one({ poll: thirty, votes: thirtyVotes, turnout: 412 }),
      config: { PUBLIC_VOTE_URL: 'https://vote.example.org' },
    }),
    state('polls', { path: '/polls' }),
    state('receipt-counted', { path: '/receipts/x', receipt: known('counted') }),
    ...(['queued', 'superseded', 'rejected'] as const).map((status) =>
      state(`receipt-${status}`, { path: '/receipts/x', receipt: known(status) }),
    ),
    state('receipt-unavailable', {
      path: '/receipts/x',
      receipt: { lookUp: async () => ({ kind: 'unavailable' }) },
    }),
    state('receipt-unknown', { path: '/receipts/x' }),
    state('nothing-here', { path: '/nothing' }),
    state('receipt-lost', { path: '/receipts/x', receipt: known('lost') }),
    state('unknown-poll', { path: '/p/nothing' }),
    state('nothing-yet', { snapshot: undefined }),
  ];
}
