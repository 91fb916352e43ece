import { expect, test } from 'vitest';
import { check } from '../../src/history/check.ts';
import type { FinalState, HistoryEvent } from '../../src/history/events.ts';
import { RULES, type RuleName } from '../../src/history/violation.ts';
import { createStory, pseudonymOf, rowOf, type Story } from './story.ts';

type Case = {
  that: string;
  /** Sorted; none: the history is right. */
  breaks?: RuleName[];
  told: (story: Story) => void;
  but?: (final: FinalState, history: HistoryEvent[]) => void;
};

const STOPS_RECORDING = { stops: ['recording' as const] };
const LOSES = { loses: true as const };

/** Ann votes a, later b; b counts. */
function annTwice(story: Story) {
  story.cast('ann', 'a', { from: 100, to: 110, became: 'superseded' });
  story.cast('ann', 'b', { from: 200, to: 210, became: 'counted' });
}

const CASES: Case[] = [
  // What counts of a voter
  { that: 'the last accepted ballot counts', told: annTwice },
  {
    that: 'an earlier accepted ballot counts',
    breaks: ['last-ok-counts'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.cast('ann', 'b', { from: 200, to: 210, became: 'superseded' });
    },
  },
  {
    that: 'of two ballots that overlap, the one that was answered first counts',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 150, became: 'counted' });
      story.cast('ann', 'b', { from: 120, to: 170, became: 'superseded' });
    },
  },
  {
    that: 'an accepted ballot was lost without a trace',
    breaks: ['last-ok-counts', 'lost-is-declared', 'receipts-agree'],
    told: (story) => story.cast('ann', 'a', { from: 100, to: 110 }),
  },
  {
    that: 'an unknown ballot after the last accepted one counts',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'superseded' });
      story.cast('ann', 'b', { from: 200, to: 210, as: 'unknown', became: 'counted' });
    },
  },
  {
    that: 'an unknown ballot after the last accepted one does not count',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.cast('ann', 'b', { from: 200, to: 210, as: 'unknown' });
    },
  },
  {
    that: 'an unknown ballot counts that was answered before the last accepted one was sent',
    breaks: ['unknown-once'],
    told(story) {
      story.cast('ann', 'b', { from: 50, to: 60, as: 'unknown', became: 'counted' });
      story.cast('ann', 'a', { from: 100, to: 110, became: 'superseded' });
    },
  },
  {
    that: 'a ballot that was never answered counts, long after it was sent',
    told(story) {
      story.cast('ann', 'b', { from: 50, became: 'counted' });
      story.cast('ann', 'a', { from: 100, to: 110, became: 'superseded' });
    },
  },
  {
    that: 'a failed ballot counts',
    breaks: ['failed-never-counts', 'nothing-is-missing'],
    told: (story) => story.cast('ann', 'b', { from: 200, to: 210, as: 'fail', became: 'counted' }),
    but: (final) => {
      final.voters.ann = { poll: 'cats', pseudonym: pseudonymOf('ann') };
    },
  },
  {
    that: 'choices count that the voter never sent',
    breaks: ['counted-was-sent'],
    told: annTwice,
    but(final) {
      final.ballots[0]!.choices = ['c'];
      final.tallies[0]!.votes = { a: 0, b: 0, c: 1 };
    },
  },
  {
    that: 'somebody counts who never voted',
    breaks: ['counted-was-sent'],
    told: annTwice,
    but(final) {
      final.ballots.push({ poll: 'cats', voter: pseudonymOf('nobody'), choices: ['b'] });
      Object.assign(final.tallies[0]!, { votes: { a: 0, b: 2, c: 0 }, turnout: 2 });
    },
  },
  {
    that: 'an unknown ballot counts of a voter who never had a receipt',
    told: (story) => story.cast('bob', 'c', { from: 100, to: 110, as: 'unknown', became: 'counted' }),
  },
  {
    that: 'two rows count for one voter who never had a receipt',
    breaks: ['counted-was-sent', 'nothing-is-missing'],
    told: (story) => story.cast('bob', 'c', { from: 100, to: 110, as: 'unknown', became: 'counted' }),
    but(final) {
      final.ballots.push({ poll: 'cats', voter: pseudonymOf('bob again'), choices: ['c'] });
      Object.assign(final.tallies[0]!, { votes: { a: 0, b: 0, c: 2 }, turnout: 2 });
      Object.assign(rowOf(final, 'bob'), { accepted: 2, recorded: 2 });
    },
  },
  {
    that: 'several ballots of a voter count',
    breaks: ['one-ballot-a-voter'],
    told: annTwice,
    but(final) {
      final.ballots.push({ poll: 'cats', voter: pseudonymOf('ann'), choices: ['a'] });
      final.tallies[0]!.votes = { a: 1, b: 1, c: 0 };
    },
  },
  // Tallies
  {
    that: 'a ballot with two choices is two votes',
    told: (s) => s.cast('ann', 'a+c', { from: 1, to: 2, became: 'counted' }),
  },
  {
    that: 'a tally is too high',
    breaks: ['tally-is-recount'],
    told: annTwice,
    but: (final) => {
      final.tallies[0]!.votes.a = 1;
    },
  },
  {
    that: 'the turnout is wrong',
    breaks: ['tally-is-recount'],
    told: annTwice,
    but: (final) => {
      final.tallies[0]!.turnout = 2;
    },
  },
  {
    that: 'worker recount finds something wrong',
    breaks: ['tally-is-recount'],
    told: annTwice,
    but: (final) => {
      final.recount = { code: 1, output: 'WRONG: votes' };
    },
  },
  // Receipts
  {
    that: 'a receipt says superseded, and its ballot counts',
    breaks: ['receipts-agree'],
    told: annTwice,
    but: (final) => {
      final.receipts['receipt-2'] = 'superseded';
    },
  },
  {
    that: 'two receipts of a voter say counted',
    breaks: ['receipts-agree'],
    told: annTwice,
    but: (final) => {
      final.receipts['receipt-1'] = 'counted';
    },
  },
  ...(['queued', 'unknown-receipt', 'lost', 'rejected'] as const).map(
    (status): Case => ({
      that: `a receipt says ${status} in the end`,
      breaks: {
        queued: ['receipts-agree'],
        'unknown-receipt': ['receipts-agree'],
        lost: ['lost-is-declared', 'receipts-agree'],
        rejected: ['receipts-agree', 'rejected-is-poison'],
      }[status] as RuleName[],
      told: annTwice,
      but: (final) => {
        final.receipts['receipt-1'] = status;
      },
    }),
  ),
  {
    that: 'of two ballots with the same choices the earlier one counts by its receipt',
    breaks: ['receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.cast('ann', 'a', { from: 200, to: 210, became: 'superseded' });
    },
  },
  {
    that: 'all receipts say superseded, and an unknown ballot with the same choices may count',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'superseded' });
      story.cast('ann', 'a', { from: 200, as: 'unknown', became: 'counted' });
    },
  },
  {
    that: 'two ballots have the same receipt',
    breaks: ['receipts-agree'],
    told: annTwice,
    but(_, history) {
      for (const event of history) if (event.type === 'ok') event.receipt = 'receipt-2';
    },
  },
  // Losses, poison, foreign entries
  {
    that: 'a ballot that was queued when Redis was emptied is lost, and the earlier one counts',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.fault('emptied', [190, 250, 300, 310], LOSES);
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
    },
  },
  {
    that: 'a ballot is lost that was accepted after Redis was healed',
    breaks: ['last-ok-counts', 'receipts-agree'],
    told(story) {
      story.fault('emptied', [10, 20, 30, 40], LOSES);
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
    },
  },
  {
    that: 'a lost ballot is not missed by its partition',
    breaks: ['lost-is-declared'],
    told(story) {
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
      story.fault('emptied', [220, 230, 240, 250], LOSES);
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { accepted: 0, lost: 0 });
    },
  },
  {
    that: 'a lost ballot is not missed by its partition, which knows only a lower bound',
    told(story) {
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
      story.fault('emptied', [220, 230, 240, 250], LOSES);
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { accepted: 0, lost: 0, isLowerBound: true });
    },
  },
  {
    that: 'a lost ballot leaves no trace where the fault takes all traces along',
    told(story) {
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
      story.fault('cut tail', [220, 230, 240, 250], { ...LOSES, traceless: true });
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { accepted: 0, lost: 0 });
    },
  },
  {
    that: 'a partition misses a ballot that nobody can have lost',
    breaks: ['lost-is-declared'],
    told: annTwice,
    but(final) {
      const row = rowOf(final, 'ann');
      Object.assign(row, { accepted: row.accepted + 1, lost: 1 });
    },
  },
  {
    that: 'a ballot with the poison is rejected, and the earlier one counts',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.fault('poison', [150, 160, 300, 310], { poisons: 'b' });
      story.cast('ann', 'b', { from: 200, to: 210, became: 'rejected' });
    },
  },
  {
    that: 'a ballot without the poison is rejected',
    breaks: ['last-ok-counts', 'receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.fault('poison', [150, 160, 300, 310], { poisons: 'c' });
      story.cast('ann', 'b', { from: 200, to: 210, became: 'rejected' });
    },
  },
  {
    that: 'more is rejected than receipts say',
    breaks: ['rejected-is-poison'],
    told: annTwice,
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { superseded: 0, rejected: 1 });
    },
  },
  {
    that: 'the foreign entries are found that were put in',
    told(story) {
      annTwice(story);
      story.fault('forger', [1, 2, 3, 4], { foreign: 2 });
    },
    but: (final) => {
      final.partitions[0]!.foreignEntries = 2;
    },
  },
  {
    that: 'a foreign entry is found that nobody put in',
    breaks: ['foreign-is-declared'],
    told: annTwice,
    but: (final) => {
      final.partitions[0]!.foreignEntries = 1;
    },
  },
  // Accounts
  {
    that: 'the drift of a partition is not 0',
    breaks: ['nothing-is-missing'],
    told: annTwice,
    but(final) {
      const row = rowOf(final, 'ann');
      Object.assign(row, { accepted: row.accepted + 1, drift: 1 });
    },
  },
  {
    that: 'a superseded ballot was appended twice',
    breaks: ['nothing-is-missing'],
    told: annTwice,
    but(final) {
      const row = rowOf(final, 'ann');
      Object.assign(row, { accepted: row.accepted + 1, superseded: row.superseded + 1 });
    },
  },
  // Pages
  {
    that: 'a page turns stale in time, and live again',
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1);
      story.fault('no worker', [1_000, 1_010, 9_000, 9_010], STOPS_RECORDING);
      story.page(6_900, 'stale', 1);
      story.page(9_500, 'live', 1);
    },
  },
  {
    that: 'a page shows live for too long while nothing is recorded',
    breaks: ['live-is-recording'],
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1);
      story.fault('no worker', [1_000, 1_010, 9_000, 9_010], STOPS_RECORDING);
      story.page(7_100, 'stale', 1);
      story.page(9_500, 'live', 1);
    },
  },
  {
    that: 'a page shows live for too long under two faults that overlap',
    breaks: ['live-is-recording'],
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1);
      story.fault('no worker', [1_000, 1_010, 5_000, 5_010], STOPS_RECORDING);
      story.fault('no Redis', [4_000, 4_010, 8_000, 8_010], { stops: ['accepting', 'recording'] });
    },
  },
  {
    that: 'a page that hears nothing shows its last word until it says silent',
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1);
      story.fault('no worker', [1_000, 1_010, 9_000, 9_010], STOPS_RECORDING);
      story.page(8_900, 'silent', 1);
      story.page(9_500, 'live', 1);
    },
  },
  {
    that: 'a page of a final poll stays as it is while nothing is recorded',
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1, { phase: 'final' });
      story.fault('no worker', [1_000, 1_010, 9_000, 9_010], STOPS_RECORDING);
    },
  },
  {
    that: 'a page shows live and lacks a voter whose ballot was accepted long ago',
    breaks: ['live-is-complete'],
    told(story) {
      annTwice(story);
      story.page(300, 'live', 0);
      story.page(6_200, 'live', 1);
    },
  },
  {
    that: 'a page shows live and lacks a voter who was accepted a moment ago',
    told(story) {
      annTwice(story);
      story.page(50, 'live', 0);
      story.page(6_000, 'live', 1);
    },
  },
  {
    that: 'a page that may be deaf lacks a voter',
    told(story) {
      annTwice(story);
      story.fault('hold page-result', [150, 151, 6_100, 6_101], { deafens: true });
      story.page(50, 'live', 0);
      story.page(7_000, 'live', 1);
    },
  },
  {
    that: 'a page shows a voter before a ballot was sent',
    breaks: ['pages-show-what-was-sent'],
    told(story) {
      story.page(50, 'live', 1);
      annTwice(story);
    },
  },
  ...(
    [
      ['shows', 'delayed'],
      ['turnout', 7],
      ['votes', [1, 0, 0]],
    ] as const
  ).map(
    ([key, value]): Case => ({
      that: `a page's last ${key} is wrong`,
      breaks: ['pages-agree'],
      told(story) {
        annTwice(story);
        story.page(300, 'live', 1);
      },
      but: (final) => {
        Object.assign(final.pages[0]!, { [key]: value });
      },
    }),
  ),
  {
    that: 'result says stale in the end',
    breaks: ['pages-agree'],
    told: annTwice,
    but: (final) => {
      final.tallies[0]!.status = 'stale';
    },
  },
  // What faults declare, and the services
  {
    that: 'a ballot is accepted while nothing can be',
    breaks: ['stopped-accepts-nothing'],
    told(story) {
      story.fault('no Redis', [90, 99, 300, 310], { stops: ['accepting'] });
      annTwice(story);
    },
  },
  {
    that: 'a ballot is accepted that was sent before or answered after nothing could be accepted',
    told(story) {
      story.fault('no Redis', [90, 105, 205, 310], { stops: ['accepting'] });
      annTwice(story);
    },
  },
  {
    that: 'a partition has no owner',
    breaks: ['all-owned'],
    told: annTwice,
    but: (final) => {
      final.ownedPartitions = 3;
    },
  },
  {
    that: 'a service ended by itself',
    breaks: ['no-deaths'],
    told: annTwice,
    but: (final) => {
      final.deaths.push('worker-2 ended with code 1');
    },
  },
  // The history itself
  {
    that: 'a ballot was answered twice',
    breaks: ['history-is-whole'],
    told: annTwice,
    but: (_, history) => {
      history.push({ type: 'fail', at: 400, ballot: 1, answer: 'late' });
    },
  },
  {
    that: 'a voter votes in two polls',
    breaks: ['history-is-whole'],
    told(story) {
      annTwice(story);
      story.cast('ann', 'a', { from: 300, to: 310, as: 'fail', poll: 'dogs' });
    },
  },
  {
    that: 'an accepted voter is not known',
    breaks: ['counted-was-sent', 'history-is-whole', 'last-ok-counts', 'nothing-is-missing'],
    told: annTwice,
    but: (final) => {
      delete final.voters.ann;
    },
  },
];

test.each(CASES)('$that: $breaks', ({ told, but, breaks = [] }) => {
  const story = createStory();
  told(story);
  const { history, final } = story.end();
  but?.(final, history);
  const violations = check(history, final);
  expect([...new Set(violations.map(({ rule }) => rule))].sort(), JSON.stringify(violations)).toEqual(breaks);
});

test('every rule is broken by a history of its own', () => {
  const broken = new Set(
    CASES.filter(({ breaks }) => breaks?.length === 1).flatMap(({ breaks }) => breaks ?? []),
  );
  // Whatever makes a failed ballot count is also one more than was accepted.
  broken.add('failed-never-counts');
  expect([...broken].sort()).toEqual(Object.keys(RULES).sort());
});
