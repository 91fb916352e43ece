import type { Poll } from './poll.ts';

/** A poll for tests: one of two choices, open at any time. */
export function makePoll(key: string, changes: Partial<Poll> = {}): Poll {
  return {
    key,
    rank: 0,
    question: 'Cats or dogs?',
    options: [
      { key: 'a', label: 'Cats' },
      { key: 'b', label: 'Dogs' },
    ],
    eligibility: 'browser',
    choices: { min: 1, max: 1 },
    results: 'always',
    opensAt: null,
    closesAt: null,
    ...changes,
  };
}
