import { describe, expect, it } from 'vitest';
import { createProgress } from '../src/progress.ts';

function record(isTTY: boolean, columns = 40) {
  const written: string[] = [];
  const clock = { now: 0 };
  const progress = createProgress({ write: (text) => written.push(text), isTTY, columns }, () => clock.now);
  return { written, clock, progress };
}

describe('progress in a log', () => {
  it('writes a line for every tenth of the work, and no more while time stands still', () => {
    const { written, progress } = record(false);
    for (let done = 0; done <= 100; done++) progress.update(`${done}`, done / 100);
    expect(written).toEqual([
      '0\n',
      '10\n',
      '20\n',
      '30\n',
      '40\n',
      '50\n',
      '60\n',
      '70\n',
      '80\n',
      '90\n',
      '100\n',
    ]);
  });

  it('writes a line a second while nothing moves', () => {
    const { written, clock, progress } = record(false);
    for (; clock.now <= 3_000; clock.now += 100) progress.update(`${clock.now}`, 0.05);
    expect(written).toEqual(['0\n', '1000\n', '2000\n', '3000\n']);
  });
});

describe('progress on a terminal', () => {
  it('changes one line ten times a second, cut to the width, and leaves printed lines alone', () => {
    const { written, clock, progress } = record(true, 10);
    for (; clock.now < 300; clock.now += 50) progress.update(`now ${clock.now} and more`);
    progress.print('stays');
    progress.print('too');
    expect(written).toEqual([
      '\r\u001b[2Know 0 and',
      '\r\u001b[2Know 100 a',
      '\r\u001b[2Know 200 a',
      '\r\u001b[2K',
      'stays\n',
      'too\n',
    ]);
  });
});
