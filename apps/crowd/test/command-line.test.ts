import { describe, expect, it } from 'vitest';
import { parseCommandLine as parse, UsageError } from '../src/command-line.ts';

const parseCommandLine = (args: string[]) => parse(args, () => 'drawn');

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

  it('knows load, capacity and browse, and their defaults', () => {
    expect(parseCommandLine(['load'])).toMatchObject({
      name: 'load',
      options: { rate: 50, durationMs: 60_000, revotes: 0.2, pages: 0.5, watchers: 20, seed: 'drawn' },
    });
    expect(parseCommandLine('load --rate 7 --revotes 100 --seed x'.split(' '))).toMatchObject({
      options: { rate: 7, revotes: 1, seed: 'x' },
    });
    expect(parseCommandLine(['capacity'])).toMatchObject({
      name: 'capacity',
      options: { ramp: { from: 20, to: 1_000, step: 20 }, durationMs: 20_000, revotes: 0.2, seed: 'drawn' },
    });
    expect(parseCommandLine('capacity --ramp 5:7:1 --pages 0'.split(' '))).toMatchObject({
      options: { ramp: { from: 5, to: 7, step: 1 }, pages: 0 },
    });
    expect(parseCommandLine('browse --duration 0 --screenshots there'.split(' '))).toMatchObject({
      name: 'browse',
      options: { voters: 3, durationMs: 0, thinkMs: 3_000, screenshots: 'there' },
    });
  });

  it('helps with each command', () => {
    for (const args of [
      ['--help'],
      ['seed', '-h'],
      ['load', '--help'],
      ['capacity', '-h'],
      ['browse', '--help'],
    ])
      expect(parseCommandLine(args)).toEqual({ name: 'help' });
  });

  it.each([
    '',
    'load --ballots a=1',
    'load --rate 0',
    'load --revotes 101',
    'load --pages 101',
    'load --ramp 1:2:1',
    'capacity --rate 5',
    'capacity --ramp 5',
    'capacity --ramp 5:4:1',
    'capacity --ramp 1:2:0',
    'capacity --ramp 1:2:1:1',
    'browse --watchers 3',
    'browse --voters 0',
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
