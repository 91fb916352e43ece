import { describe, expect, it } from 'vitest';
import { parseCommandLine, UsageError } from '../src/command-line.ts';

describe('parseCommandLine', () => {
  it('knows seed and its defaults', () => {
    expect(parseCommandLine(['seed'])).toEqual({
      name: 'seed',
      options: { poll: 'best-friend', ballots: undefined, concurrency: 50, waitMs: 60_000 },
    });
  });

  it('reads every option', () => {
    expect(
      parseCommandLine('seed --poll lunch --ballots a=3,b=1 --concurrency 7 --wait 5'.split(' ')),
    ).toEqual({
      name: 'seed',
      options: {
        poll: 'lunch',
        ballots: new Map([
          ['a', 3],
          ['b', 1],
        ]),
        concurrency: 7,
        waitMs: 5_000,
      },
    });
  });

  it.each([
    '',
    'sow',
    'seed twice',
    'seed --fast',
    'seed --poll',
    'seed --poll ../x',
    'seed --ballots a',
    'seed --ballots a=',
    'seed --ballots a=0',
    'seed --ballots a=-1',
    'seed --ballots a=1.5',
    'seed --ballots a=1,a=2',
    'seed --ballots a=1=2',
    'seed --ballots __proto__=1',
    'seed --concurrency 0',
    'seed --concurrency many',
    'seed --wait 1e3',
  ])('refuses "%s"', (line) => {
    expect(() => parseCommandLine(line.split(' ').filter(Boolean))).toThrow(UsageError);
  });
});
