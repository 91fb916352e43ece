import { Poll } from '@hbf/contracts/poll';
import { PollsFile } from '@hbf/contracts/polls-file';
import { expect, it } from 'vitest';
import { allChoices, createChooser, TOLD_APART } from '../../src/clients/choices.ts';
import {
  APPROVE,
  closingPoll,
  DRILL_POLLS,
  FAULTS,
  pollsFile,
  withQuestion,
} from '../../src/clients/polls.ts';
import { createRandom } from '../../src/random.ts';

it('the polls of the drills can be published', () => {
  const closing = closingPoll(FAULTS, 'closing', new Date('2030-01-01T00:00:00Z'));
  const polls = [...DRILL_POLLS, closing];
  const { polls: declared } = PollsFile.parse(JSON.parse(pollsFile(polls)));
  expect(declared.map(({ key, eligibility }) => [key, eligibility])).toEqual([
    ['faults', 'open'],
    ['approve', 'browser'],
    ['closing', 'open'],
  ]);
  expect(declared[2]!.closesAt).toBe('2030-01-01T00:00:00.000Z');
  expect(declared.map(({ options }) => Object.keys(options))).toEqual(polls.map(({ options }) => options));
  expect(pollsFile([withQuestion(FAULTS, 'And now?')])).toContain('And now?');
  expect(Poll.shape.key.safeParse(FAULTS.key).success).toBe(true);
});

it('a poll of eight options with up to three choices has 92 ballots, each in the order of the options', () => {
  const all = allChoices(APPROVE);
  expect(all).toHaveLength(8 + 28 + 56);
  expect(new Set(all.map(String)).size).toBe(92);
  for (const choices of all) {
    expect(APPROVE.options.filter((option) => choices.includes(option))).toEqual(choices);
  }
  expect(allChoices(FAULTS)).toHaveLength(30);
});

it.each(DRILL_POLLS)("a voter's ballots in $key can be told apart for a while", (poll) => {
  const choose = createChooser(poll);
  const random = createRandom('a seed');
  const chosen = Array.from({ length: 2_000 }, () => String(choose(random)));
  for (const [index, choices] of chosen.entries()) {
    expect(chosen.slice(Math.max(0, index - TOLD_APART), index)).not.toContain(choices);
  }
  // Every ballot that there is comes at some time.
  expect(new Set(chosen).size).toBe(allChoices(poll).length);
});

it('a poll with too few different ballots is refused', () => {
  expect(() => createChooser({ ...FAULTS, options: FAULTS.options.slice(0, 25) })).toThrow('too few');
});
