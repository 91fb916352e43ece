import { describe, expect, it } from 'vitest';
import { partitionOf } from '../src/ballot.ts';
import { choiceFault, OptionKey, type Poll, PollKey, phaseAt } from '../src/poll.ts';
import { PollsFile } from '../src/polls-file.ts';

const poll: Poll = {
  key: 'lunch',
  rank: 0,
  question: 'Lunch?',
  options: [
    { key: 'a', label: 'A' },
    { key: 'b', label: 'B' },
    { key: 'c', label: 'C' },
  ],
  eligibility: 'browser',
  choices: { min: 1, max: 2 },
  results: 'always',
  opensAt: 1000,
  closesAt: 2000,
};

describe('choiceFault', () => {
  it('accepts from min to max different options of the poll', () => {
    expect(choiceFault(poll, ['a'])).toBeUndefined();
    expect(choiceFault(poll, ['c', 'a'])).toBeUndefined();
  });

  it.each([
    [[], 'too-few-choices'],
    [['a', 'b', 'c'], 'too-many-choices'],
    [['a', 'a'], 'repeated-choice'],
    [['d'], 'unknown-choice'],
    [['__proto__'], 'unknown-choice'],
    [['constructor'], 'unknown-choice'],
    [['a\u0000'], 'unknown-choice'],
    [['A'], 'unknown-choice'],
    [['x'.repeat(10_000)], 'unknown-choice'],
  ])('names what is wrong with %j', (choices, fault) => {
    expect(choiceFault(poll, choices)?.fault).toBe(fault);
  });
});

describe('phaseAt', () => {
  it('opens at opensAt and closes at closesAt, to the millisecond', () => {
    expect([999, 1000, 1999, 2000].map((now) => phaseAt(poll, now))).toEqual([
      'scheduled',
      'open',
      'open',
      'closed',
    ]);
  });
});

describe('keys', () => {
  it('refuses what would be dangerous in a URL, a Redis key or an object', () => {
    for (const key of ['', '__proto__', 'A', 'a b', 'a/b', '-a', 'a-', 'a\n', 'é', '../x', 'a'.repeat(41)]) {
      expect(PollKey.safeParse(key).success, key).toBe(false);
    }
    expect(OptionKey.safeParse('__proto__').success).toBe(false);
  });
});

describe('PollsFile', () => {
  const entry = { key: 'p', question: 'Q?', options: { a: 'A', b: 'B' } };
  const issues = (polls: unknown) =>
    PollsFile.safeParse({ polls }).error?.issues.map((i) => i.path.join('.'));

  it('fills in one choice, browser eligibility and results shown always', () => {
    expect(PollsFile.parse({ polls: [entry] }).polls[0]).toMatchObject({
      eligibility: 'browser',
      choices: { min: 1, max: 1 },
      results: 'always',
    });
  });

  it.each([
    ['a key used twice', [entry, entry], 'polls.1.key'],
    ['one option', [{ ...entry, options: { a: 'A' } }], 'polls.0.options'],
    ['more choices than options', [{ ...entry, choices: { min: 1, max: 3 } }], 'polls.0.choices.max'],
    ['min over max', [{ ...entry, choices: { min: 2, max: 1 } }], 'polls.0.choices.min'],
    ['a misspelt field', [{ ...entry, eligiblity: 'open' }], 'polls.0'],
    ['a time without a zone', [{ ...entry, closesAt: '2026-12-31T18:00:00' }], 'polls.0.closesAt'],
    [
      'closing before opening',
      [{ ...entry, opensAt: '2026-12-31T18:00:00Z', closesAt: '2026-12-31T17:00:00Z' }],
      'polls.0.closesAt',
    ],
    ['hidden results without an end', [{ ...entry, results: 'after-close' }], 'polls.0.results'],
    ['a NUL in a label', [{ ...entry, options: { a: 'A\u0000', b: 'B' } }], 'polls.0.options.a'],
    ['no poll', [], 'polls'],
  ])('refuses %s and says where', (_, polls, path) => {
    expect(issues(polls)).toContain(path);
  });
});

describe('partitionOf', () => {
  it('spreads voters over all partitions and is the same every time', () => {
    const voter = Uint8Array.from({ length: 16 }, (_, i) => i * 16);
    expect(partitionOf(voter, 4)).toBe(0x00102030 % 4);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const random = crypto.getRandomValues(new Uint8Array(16));
      counts[partitionOf(random, 4)]!++;
    }
    for (const count of counts) expect(count).toBeGreaterThan(800);
  });
});
