import { describe, expect, it } from 'vitest';
import { mixBallots, planBallots } from '../src/plan.ts';
import type { VotersPoll } from '../src/services.ts';

const poll: VotersPoll = {
  key: 'best-friend',
  question: 'Cats or dogs?',
  options: [
    { key: 'cats', label: 'Cats' },
    { key: 'dogs', label: 'Dogs' },
    { key: 'both', label: 'Both' },
  ],
  eligibility: 'browser',
  choices: { min: 1, max: 2 },
  phase: 'open',
};

describe('planBallots', () => {
  it('plans 2,000 for the first option and 1,000 for the second where nothing else is asked', () => {
    expect([...planBallots(poll, undefined)]).toEqual([
      ['cats', 2_000],
      ['dogs', 1_000],
    ]);
  });

  it('refuses a poll that is not open, one whose ballots need several choices, and an option that it lacks', () => {
    expect(() => planBallots({ ...poll, phase: 'scheduled' }, undefined)).toThrow('is scheduled');
    expect(() => planBallots({ ...poll, choices: { min: 2, max: 2 } }, undefined)).toThrow('needs 2 choices');
    expect(() => planBallots(poll, new Map([['birds', 1]]))).toThrow('it has cats, dogs, both');
  });
});

describe('mixBallots', () => {
  it('gives each option its number, mixed so that every stretch has the shares of the whole', () => {
    const mixed = [...mixBallots(new Map(Object.entries({ a: 2_000, b: 1_000 })))];
    expect(mixed.length).toBe(3_000);
    for (let from = 0; from < 3_000; from += 30) {
      expect(mixed.slice(from, from + 30).filter((key) => key === 'a').length).toBe(20);
    }
  });
});
