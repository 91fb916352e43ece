import { partitionOf } from '@hbf/contracts/ballot';
import { expect, test } from 'vitest';
import { check } from '../../src/history/check.ts';
import type { FinalState, HistoryEvent } from '../../src/history/events.ts';
import { RULES, type RuleName } from '../../src/history/violation.ts';
import { createStory, pseudonymOf, receiptOf, rowOf, type Story } from './story.ts';

type Case = {
  that: string;
  /** Sorted; none: the history is right. */
  breaks?: RuleName[];
  told: (story: Story) => void;
  but?: (final: FinalState, history: HistoryEvent[]) => void;
};

const STOPS_RECORDING = { stops: ['recording' as const] };
const LOSES = { loses: true as const };

const RESULT_1 = { page: 'result-1/cats' };

/** A page shows live long after recording stopped, and then that it heard nothing. */
function silentLate(story: Story) {
  annTwice(story);
  story.page(300, 'live', 1, RESULT_1);
  story.fault('no worker', [1_000, 1_010, 9_000, 9_010], STOPS_RECORDING);
  story.page(8_900, 'silent', 1, RESULT_1);
  story.page(9_500, 'live', 1, RESULT_1);
}

/** Nothing is recorded, and a page that shows live is cut off for less time than it may hear nothing. */
function cutOffShortly(story: Story) {
  annTwice(story);
  story.page(300, 'live', 1, RESULT_1);
  story.fault('no worker', [1_000, 1_010, 19_000, 19_010], STOPS_RECORDING);
  story.fault('hold page-result', [3_500, 3_501, 8_000, 8_001], { deafens: ['result-1'] });
}

/** A replica of result dies while a page shows live. */
function cutOff(story: Story) {
  annTwice(story);
  story.page(300, 'live', 1, RESULT_1);
  story.fault('kill-result', [1_000, 1_010, 9_000, 9_010], { deafens: ['result-1'] });
}

/** The poll is closed at 300, and the page says so. */
function closed(story: Story) {
  annTwice(story);
  story.page(220, 'live', 1);
  story.fault('close', [250, 300, 310, 320], { closes: 'cats' });
  story.page(350, 'live', 1, { phase: 'final', votes: [0, 1, 0] });
}

/** Two voters of one partition. */
function neighbours(): [string, string] {
  const partition = (voter: string) => partitionOf(Buffer.from(pseudonymOf(voter), 'hex'), 4);
  const other = Array.from({ length: 50 }, (_, number) => `neighbour-${number}`).find(
    (voter) => partition(voter) === partition('ann'),
  );
  return ['ann', other!];
}

/** A voter of another partition than ann's. */
function stranger(): string {
  const partition = (voter: string) => partitionOf(Buffer.from(pseudonymOf(voter), 'hex'), 4);
  const names = Array.from({ length: 50 }, (_, number) => `stranger-${number}`);
  return names.find((voter) => partition(voter) !== partition('ann'))!;
}

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
    that: 'of two ballots that overlap, the one that was answered first counts, and is the later by its position',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 150, taken: 140, became: 'counted' });
      story.cast('ann', 'b', { from: 120, to: 170, taken: 130, became: 'superseded' });
    },
  },
  {
    that: 'of two ballots that overlap, the earlier by its position counts',
    breaks: ['last-ok-counts'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 150, taken: 130, became: 'counted' });
      story.cast('ann', 'b', { from: 120, to: 170, taken: 140, became: 'superseded' });
    },
  },
  {
    that: 'of two ballots that overlap, with the same choices, the earlier counts by its receipt',
    breaks: ['receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 150, taken: 130, became: 'counted' });
      story.cast('ann', 'a', { from: 120, to: 170, taken: 140, became: 'superseded' });
    },
  },
  {
    that: 'an unknown ballot counts that overlaps with accepted ones',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 150, taken: 130, became: 'superseded' });
      story.cast('ann', 'b', { from: 120, to: 170, taken: 140, became: 'superseded' });
      story.cast('ann', 'c', { from: 110, to: 160, as: 'unknown', became: 'counted' });
    },
  },
  {
    that: 'a ballot is behind one by its position that was sent after its answer',
    breaks: ['receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, taken: 300, became: 'superseded' });
      story.cast('ann', 'b', { from: 200, to: 210, taken: 205, became: 'superseded' });
      story.cast('ann', 'c', { from: 400, to: 410, became: 'counted' });
    },
  },
  {
    that: 'two voters were given the receipts of each other',
    breaks: ['receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.cast('bob', 'a', { from: 101, to: 111, became: 'counted' });
    },
    but(_, history) {
      const [anns, bobs] = [receiptOf(history, 1), receiptOf(history, 2)];
      for (const event of history) if (event.type === 'ok') event.receipt = event.ballot === 1 ? bobs : anns;
    },
  },
  {
    that: 'a voter was given something that is no receipt',
    breaks: ['receipts-agree'],
    told: annTwice,
    but(final, history) {
      final.receipts.thanks = 'superseded';
      for (const event of history) if (event.type === 'ok' && event.ballot === 1) event.receipt = 'thanks';
    },
  },
  {
    that: 'two voters of a partition have one position',
    breaks: ['receipts-agree'],
    told(story) {
      const [one, other] = neighbours();
      story.cast(one, 'a', { from: 100, to: 110, became: 'counted' });
      story.cast(other, 'a', { from: 100, to: 110, became: 'counted' });
    },
    but(_, history) {
      const payloadOf = (ballot: number) =>
        Buffer.from(receiptOf(history, ballot).split('.')[0]!, 'base64url');
      const [one, other] = [payloadOf(1), payloadOf(2)];
      one.copy(other, 2, 2, 20);
      for (const event of history) {
        if (event.type === 'ok' && event.ballot === 2)
          event.receipt = `${other.toString('base64url')}.k1.mac`;
      }
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
    but: (final, history) => {
      final.receipts[receiptOf(history, 2)] = 'superseded';
    },
  },
  {
    that: 'two receipts of a voter say counted',
    breaks: ['receipts-agree'],
    told: annTwice,
    but: (final, history) => {
      final.receipts[receiptOf(history, 1)] = 'counted';
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
      but: (final, history) => {
        final.receipts[receiptOf(history, 1)] = status;
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
      const receipt = receiptOf(history, 2);
      for (const event of history) if (event.type === 'ok') event.receipt = receipt;
    },
  },
  // Losses, poison, foreign entries
  {
    that: 'a ballot that was queued when Redis was emptied is lost, and the earlier one counts',
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.settled(180, 150, { ann: { accepted: 1, recorded: 1 } });
      story.fault('emptied', [190, 250, 300, 310], LOSES);
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
    },
  },
  {
    that: 'a ballot is lost that was accepted after Redis was healed',
    breaks: ['last-ok-counts', 'receipts-agree'],
    told(story) {
      story.settled(5, 1);
      story.fault('emptied', [10, 20, 30, 40], LOSES);
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
    },
  },
  {
    that: 'a ballot is lost that was sent when Redis had lost already what it held',
    breaks: ['last-ok-counts', 'receipts-agree'],
    told(story) {
      story.settled(5, 1);
      story.fault('emptied', [10, 20, 300, 310], LOSES);
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
    },
  },
  {
    that: 'a lost ballot is not missed by its partition',
    breaks: ['lost-is-declared'],
    told(story) {
      story.settled(190, 180);
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
      story.settled(190, 180);
      story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
      story.fault('emptied', [220, 230, 240, 250], LOSES);
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { accepted: 0, lost: 0, isLowerBound: true });
    },
  },
  {
    that: 'a lower bound is no excuse for what was lost before the books were exact',
    breaks: ['lost-is-declared'],
    told(story) {
      story.settled(50, 40);
      story.fault('emptied', [60, 70, 90, 95], LOSES);
      story.cast('ann', 'b', { from: 70, to: 80, became: 'lost' });
      story.settled(200, 190);
      story.fault('emptied', [210, 220, 230, 240], LOSES);
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { accepted: 0, lost: 0, isLowerBound: true });
    },
  },
  {
    that: 'more may be lost than is known, and no fault loses',
    breaks: ['lost-is-declared'],
    told: annTwice,
    but: (final) => {
      rowOf(final, 'ann').isLowerBound = true;
    },
  },
  {
    that: 'a superseded ballot was lost that was queued when Redis was emptied',
    told(story) {
      story.settled(50, 40);
      annTwice(story);
      story.fault('emptied', [150, 160, 220, 230], LOSES);
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { superseded: 0, lost: 1 });
    },
  },
  {
    that: 'a superseded ballot was lost that was processed before Redis was emptied',
    breaks: ['lost-is-declared', 'nothing-is-missing'],
    told(story) {
      annTwice(story);
      story.settled(300, 250, { ann: { accepted: 2, recorded: 1, superseded: 1 } });
      story.fault('emptied', [310, 320, 330, 340], LOSES);
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { superseded: 0, lost: 1 });
    },
  },
  {
    that: 'a ballot is lost that was processed before Redis was emptied',
    breaks: ['last-ok-counts', 'receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'lost' });
      story.settled(200, 150, { ann: { accepted: 1, recorded: 1 } });
      story.fault('emptied', [210, 220, 230, 240], LOSES);
    },
    but: (final) => {
      Object.assign(rowOf(final, 'ann'), { lost: 1 });
    },
  },
  {
    that: 'a fault loses ballots, and nothing was settled before it',
    breaks: ['history-is-whole'],
    told(story) {
      annTwice(story);
      story.fault('emptied', [310, 320, 330, 340], LOSES);
    },
  },
  {
    that: 'a second fault loses ballots, and nothing was settled since the first',
    breaks: ['history-is-whole'],
    told(story) {
      story.settled(5, 1);
      annTwice(story);
      story.fault('emptied', [310, 320, 330, 340], LOSES);
      story.fault('emptied', [410, 420, 430, 440], LOSES);
    },
  },
  {
    that: 'the books add up wherever something was settled',
    told(story) {
      story.settled(150, 120, { ann: { accepted: 1, recorded: 1 } });
      annTwice(story);
      story.settled(300, 250, { ann: { accepted: 2, recorded: 1, superseded: 1 } });
    },
  },
  {
    that: 'the drift was not 0 where everything was settled',
    breaks: ['nothing-is-missing'],
    told(story) {
      annTwice(story);
      story.settled(300, 250, { ann: { accepted: 3, recorded: 1, superseded: 1, drift: 1 } });
    },
  },
  {
    that: 'an accepted ballot was not in the books where everything was settled',
    breaks: ['nothing-is-missing'],
    told(story) {
      annTwice(story);
      story.settled(300, 250, { ann: { accepted: 1, recorded: 1 } });
    },
  },
  {
    that: 'a ballot was acknowledged as lost before any fault lost one',
    breaks: ['lost-is-declared', 'nothing-is-missing'],
    told(story) {
      annTwice(story);
      story.settled(300, 250, { ann: { accepted: 2, recorded: 1, lost: 1 } });
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
      story.settled(140, 130, { ann: { accepted: 1, recorded: 1 } });
      story.fault('poison', [150, 160, 300, 310], { poisons: 'b' });
      story.cast('ann', 'b', { from: 200, to: 210, became: 'rejected' });
    },
  },
  {
    that: 'a ballot without the poison is rejected',
    breaks: ['last-ok-counts', 'receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 100, to: 110, became: 'counted' });
      story.settled(140, 130, { ann: { accepted: 1, recorded: 1 } });
      story.fault('poison', [150, 160, 300, 310], { poisons: 'c' });
      story.cast('ann', 'b', { from: 200, to: 210, became: 'rejected' });
    },
  },
  {
    that: 'a ballot with the poison is rejected that was queued when the poison came',
    told(story) {
      story.settled(50, 40);
      story.cast('ann', 'a', { from: 60, to: 70, became: 'counted' });
      story.cast('ann', 'b', { from: 100, to: 110, became: 'rejected' });
      story.fault('poison', [150, 160, 300, 310], { poisons: 'b' });
    },
  },
  {
    that: 'a ballot with the poison is rejected that was processed before the poison came',
    breaks: ['last-ok-counts', 'receipts-agree'],
    told(story) {
      story.cast('ann', 'a', { from: 60, to: 70, became: 'counted' });
      story.cast('ann', 'b', { from: 100, to: 110, became: 'rejected' });
      story.settled(140, 130, { ann: { accepted: 2, recorded: 1, rejected: 1 } });
      story.fault('poison', [150, 160, 300, 310], { poisons: 'b' });
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
  {
    that: 'foreign entries are gone that Redis lost before they were found',
    told(story) {
      story.settled(5, 1);
      story.fault('forger', [10, 20, 30, 40], { foreign: 2 });
      story.fault('emptied', [50, 60, 70, 80], LOSES);
      annTwice(story);
    },
  },
  {
    that: 'foreign entries are gone that were put in when Redis had lost already what it held',
    breaks: ['foreign-is-declared'],
    told(story) {
      story.settled(5, 1);
      story.fault('emptied', [10, 20, 70, 80], LOSES);
      story.fault('forger', [30, 40, 50, 60], { foreign: 2 });
      annTwice(story);
    },
  },
  {
    that: 'foreign entries are gone that were put in long before Redis was emptied',
    breaks: ['foreign-is-declared'],
    told(story) {
      story.fault('forger', [1, 2, 3, 4], { foreign: 2 });
      story.settled(20, 10);
      story.fault('emptied', [50, 60, 70, 80], LOSES);
      annTwice(story);
    },
    but: (final, history) => {
      for (const event of history) if (event.type === 'settled') event.partitions[0]!.foreignEntries = 2;
      final.partitions[0]!.foreignEntries = 0;
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
  {
    that: 'the books were read now and then, and nothing was missing',
    told(story) {
      story.books(150, { ann: { accepted: 1, recorded: 1 } });
      annTwice(story);
      story.books(250, { ann: { accepted: 2, recorded: 1, superseded: 1 } });
    },
  },
  ...[1, -1].map(
    (drift): Case => ({
      that: `the drift was ${drift} once, and 0 in the end`,
      breaks: ['drift-is-loss'],
      told(story) {
        annTwice(story);
        story.books(250, { ann: { accepted: 2 + drift, recorded: 1, superseded: 1, drift } });
        story.books(260, { ann: { accepted: 2, recorded: 1, superseded: 1 } });
      },
    }),
  ),
  ...(
    [
      { that: 'while a loss is outstanding', at: 300, drift: 1, lost: 0 },
      { that: 'before the fault that loses began', at: 180, drift: 1, lost: 0, breaks: ['drift-is-loss'] },
      { that: 'after everything was settled', at: 500, drift: 1, lost: 1, breaks: ['drift-is-loss'] },
      { that: 'that was asked for before everything was settled', at: 500, since: 390, drift: 1, lost: 0 },
      { that: 'below 0 while a loss is outstanding', at: 300, drift: -1, lost: 0, breaks: ['drift-is-loss'] },
    ] as (Omit<Case, 'told'> & { at: number; since?: number; drift: number; lost: number })[]
  ).map(
    ({ that, at, since, drift, lost, breaks }): Case => ({
      that: `a drift is read ${that}`,
      ...(breaks && { breaks }),
      told(story) {
        story.settled(150, 140);
        story.fault('emptied', [190, 250, 300, 310], LOSES);
        story.cast('ann', 'b', { from: 200, to: 210, became: 'lost' });
        story.books(at, { ann: { accepted: drift + lost, lost, drift } }, since);
        story.settled(400, 390, { ann: { accepted: 1, lost: 1 } });
        story.books(600, { ann: { accepted: 1, lost: 1 } });
      },
    }),
  ),
  ...(
    [
      { that: 'of as many ballots as are lost', voter: 'ann', at: 300, drift: 2 },
      { that: 'of more ballots than are lost', voter: 'ann', at: 300, drift: 3, breaks: ['drift-is-loss'] },
      { that: 'of more than was sent by then', voter: 'ann', at: 215, drift: 2, breaks: ['drift-is-loss'] },
      {
        that: "of another voter's partition",
        voter: stranger(),
        at: 300,
        drift: 1,
        breaks: ['drift-is-loss'],
      },
      {
        that: 'of what is acknowledged',
        voter: 'ann',
        at: 300,
        drift: 2,
        lost: 1,
        breaks: ['drift-is-loss'],
      },
    ] as (Omit<Case, 'told'> & { voter: string; at: number; drift: number; lost?: number })[]
  ).map(
    ({ that, voter, at, drift, lost = 0, breaks }): Case => ({
      that: `while a loss of two ballots is outstanding, a drift is read ${that}`,
      ...(breaks && { breaks }),
      told(story) {
        story.settled(150, 140);
        story.fault('emptied', [190, 250, 400, 410], LOSES);
        story.cast('ann', 'a', { from: 200, to: 210, became: 'lost' });
        story.cast('ann', 'b', { from: 220, to: 230, became: 'lost' });
        story.books(at, { [voter]: { accepted: drift + lost, lost, drift } });
        story.settled(500, 490, { ann: { accepted: 2, lost: 2 } });
      },
    }),
  ),
  {
    that: 'an unconfirmed ballot may be missing as well',
    told(story) {
      story.settled(150, 140);
      story.fault('emptied', [190, 250, 400, 410], LOSES);
      story.cast('ann', 'a', { from: 200, to: 210, as: 'unknown', became: 'lost' });
      story.books(300, { ann: { accepted: 1, drift: 1 } });
      story.settled(500, 490, { ann: { accepted: 1, lost: 1 } });
    },
  },
  {
    that: 'a loss is outstanding that comes after one that was acknowledged',
    told(story) {
      story.settled(50, 40);
      story.fault('emptied', [60, 90, 95, 97], LOSES);
      story.cast('ann', 'b', { from: 70, to: 80, became: 'lost' });
      story.books(120, { ann: { accepted: 1, drift: 1 } });
      story.settled(200, 190, { ann: { accepted: 1, lost: 1 } });
      story.fault('emptied', [210, 240, 250, 260], LOSES);
      story.cast('ann', 'b', { from: 220, to: 230, became: 'lost' });
      story.books(300, { ann: { accepted: 2, lost: 1, drift: 1 } });
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
    that: 'a page that a fault cuts off shows its last word until it says silent',
    told(story) {
      silentLate(story);
      story.fault('hold page-result', [3_000, 3_001, 9_000, 9_001], { deafens: ['result-1'] });
    },
  },
  {
    that: 'a page that hears nothing for no reason shows its last word until it says silent',
    breaks: ['live-is-recording'],
    told: silentLate,
  },
  {
    that: 'a page that hears nothing shows its last word until it says silent, and another replica is cut off',
    breaks: ['live-is-recording'],
    told(story) {
      silentLate(story);
      story.fault('hold page-result', [3_000, 3_001, 9_000, 9_001], { deafens: ['result-2'] });
    },
  },
  {
    that: 'a page that a fault cuts off shows its last word for longer than it may hear nothing',
    breaks: ['cut-off-is-told', 'live-is-recording'],
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1, RESULT_1);
      story.fault('no worker', [1_000, 1_010, 19_000, 19_010], STOPS_RECORDING);
      story.fault('hold page-result', [3_000, 3_001, 18_000, 18_001], { deafens: ['result-1'] });
      story.page(13_200, 'silent', 1, RESULT_1);
      story.page(19_500, 'live', 1, RESULT_1);
    },
  },
  {
    that: 'a page goes on as before while it may not have heard again what it shows, after it was cut off',
    told(story) {
      cutOffShortly(story);
      story.page(9_400, 'silent', 1, RESULT_1);
    },
  },
  {
    that: 'a page goes on as before when it must have heard again what it shows, after it was cut off',
    breaks: ['live-is-recording'],
    told(story) {
      cutOffShortly(story);
      story.page(9_600, 'silent', 1, RESULT_1);
    },
  },
  {
    that: 'a page that a fault cuts off says so in time',
    told(story) {
      cutOff(story);
      story.page(7_000, 'silent', 1, RESULT_1);
    },
  },
  {
    that: 'a page that a fault cuts off does not say so in time',
    breaks: ['cut-off-is-told'],
    told(story) {
      cutOff(story);
      story.page(7_100, 'silent', 1, RESULT_1);
    },
  },
  {
    that: 'a page that a fault cuts off hears something all the same',
    told(story) {
      cutOff(story);
      story.page(3_000, 'live', 1, { ...RESULT_1, queued: 1 });
      story.page(8_900, 'silent', 1, RESULT_1);
    },
  },
  {
    that: 'a page of another replica than the one that is cut off stays live',
    told(story) {
      cutOff(story);
      story.page(7_000, 'silent', 1, RESULT_1);
      story.page(300, 'live', 1, { page: 'result-2/cats' });
    },
  },
  {
    that: 'a page that is cut off stays final',
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1, { ...RESULT_1, phase: 'final' });
      story.fault('kill-result', [1_000, 1_010, 20_000, 20_010], { deafens: ['result-1'] });
    },
  },
  {
    that: 'a page is opened at a replica that is cut off, and hears nothing from then on',
    told(story) {
      annTwice(story);
      story.fault('kill-result', [1_000, 1_010, 9_000, 9_010], { deafens: ['result-1'] });
      story.page(4_000, 'live', 1, RESULT_1);
    },
  },
  ...([7_000, 7_100] as const).map(
    (at): Case => ({
      that: `a page tells ${at} ms after the beginning that its result reads nothing since 1010 ms`,
      ...(at > 7_010 ? { breaks: ['cut-off-is-told'] } : {}),
      told(story) {
        annTwice(story);
        story.page(300, 'live', 1);
        story.page(5_000, 'live', 1, { queued: 1 });
        story.fault('hold-result-postgres', [1_000, 1_010, 9_000, 9_010], { blinds: true });
        story.page(at, 'stale', 1);
      },
    }),
  ),
  {
    that: 'a page whose result reads nothing is cut off before it had to tell of that',
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1, RESULT_1);
      story.fault('hold-result-postgres', [1_000, 1_010, 12_000, 12_010], { blinds: true });
      story.fault('pause-result', [5_000, 5_010, 11_000, 11_010], { deafens: ['result-1'] });
      story.page(10_900, 'silent', 1, RESULT_1);
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
      story.fault('hold page-result', [150, 151, 6_100, 6_101], { deafens: ['result-1'] });
      story.page(50, 'live', 0, RESULT_1);
      story.page(7_000, 'live', 1, RESULT_1);
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
  {
    that: 'a page shows more votes for an option than voters who have sent it',
    breaks: ['pages-show-what-was-sent'],
    told(story) {
      story.page(150, 'live', 1, { votes: [0, 1, 0] });
      annTwice(story);
    },
  },
  {
    that: 'a page shows more votes than its voters have',
    breaks: ['pages-show-what-was-sent'],
    told(story) {
      story.cast('bob', 'b', { from: 10, to: 20, became: 'counted' });
      annTwice(story);
      story.page(250, 'live', 2, { votes: [1, 2, 0] });
    },
  },
  {
    that: 'a page shows fewer votes than its voters have',
    breaks: ['pages-show-what-was-sent'],
    told(story) {
      annTwice(story);
      story.page(250, 'live', 1, { votes: [0, 0, 0] });
    },
  },
  {
    that: 'a page shows as many votes as its voters have',
    told(story) {
      story.cast('bob', 'a+c', { from: 10, to: 20, became: 'counted' });
      annTwice(story);
      story.page(250, 'live', 2, { votes: [1, 1, 1] });
    },
  },
  {
    that: 'a page hides results that are not hidden',
    breaks: ['pages-show-what-was-sent'],
    told(story) {
      annTwice(story);
      story.page(250, 'live', 1, { votes: [null, null, null] });
    },
  },
  {
    that: 'a page is not there in the end',
    breaks: ['pages-agree'],
    told(story) {
      annTwice(story);
      story.page(300, 'live', 1);
      story.page(300, 'live', 1, RESULT_1);
    },
    but: (final) => {
      final.pages.pop();
    },
  },
  // The end of a poll
  { that: 'a poll is closed, and its page stays as it was then', told: closed },
  {
    that: 'a ballot is accepted that was sent before the poll was closed',
    told(story) {
      story.cast('bob', 'b', { from: 290, to: 305, became: 'counted' });
      annTwice(story);
      story.fault('close', [250, 300, 310, 320], { closes: 'cats' });
    },
  },
  {
    that: 'a ballot is accepted that was sent after the poll was closed',
    breaks: ['closed-is-final'],
    told(story) {
      annTwice(story);
      story.fault('close', [250, 300, 310, 320], { closes: 'cats' });
      story.cast('bob', 'b', { from: 301, to: 305, became: 'counted' });
    },
  },
  {
    that: 'a page changes its numbers after the end',
    breaks: ['closed-is-final'],
    told(story) {
      closed(story);
      story.page(360, 'live', 1, { phase: 'final', votes: [1, 0, 0] });
      story.page(370, 'live', 1, { phase: 'final', votes: [0, 1, 0] });
    },
  },
  {
    that: 'a page hears nothing after the end',
    told(story) {
      closed(story);
      story.page(360, 'silent', 1, { phase: 'final', votes: [0, 1, 0] });
    },
  },
  {
    that: 'a page never says that a closed poll is final',
    breaks: ['closed-is-final'],
    told(story) {
      annTwice(story);
      story.page(220, 'live', 1);
      story.fault('close', [250, 300, 310, 320], { closes: 'cats' });
    },
  },
  ...(
    [
      ['votes', [null, null, null]],
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
