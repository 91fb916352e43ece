import type { Poll } from '@hbf/contracts/poll';
import { makePoll as makeAnyPoll } from '@hbf/contracts/testing';

/** 2026-06-01, noon UTC: what the tests' clock shows unless they turn it. */
export const NOON = Date.UTC(2026, 5, 1, 12);

export const makePoll = (changes: Partial<Poll> = {}): Poll => makeAnyPoll('best-friend', changes);

export const browserPoll = makePoll();
export const openPoll = makePoll({
  key: 'show-of-hands',
  rank: 1,
  question: 'Tea or coffee?',
  eligibility: 'open',
});
export const approvalPoll = makePoll({
  key: 'lunch',
  rank: 2,
  question: 'What could you eat?',
  options: ['Soup', 'Salad', 'Pizza', 'Rice'].map((label, index) => ({ key: 'abcd'[index]!, label })),
  choices: { min: 2, max: 3 },
});
export const closedPoll = makePoll({ key: 'over', rank: 3, question: 'Was it good?', closesAt: NOON });
export const scheduledPoll = makePoll({ key: 'later', rank: 4, question: 'Will it be?', opensAt: NOON + 1 });

export const allPolls = [browserPoll, openPoll, approvalPoll, closedPoll, scheduledPoll];
