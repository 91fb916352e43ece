import { describe, expect, test } from 'vitest';
import { drawTurnout } from '../src/turnout-plot.ts';

const at = (second: number, voters: number) => ({ at: second * 1_000, voters });

describe('the plot of the turnout', () => {
  test('fills its box from the first point to now, and ends with what is known now', () => {
    const plot = drawTurnout([at(0, 0), at(5, 10)], at(10, 20))!;
    expect(plot.curve).toBe('M0 98L50 50L100 2');
    expect(plot.area).toBe('M0 98L50 50L100 2L100 100L0 100z');
    expect(plot).toMatchObject({
      from: '1970-01-01T00:00:00.000Z',
      to: '1970-01-01T00:00:10.000Z',
      voters: 20,
    });
  });

  test('is flat while nobody votes', () => {
    expect(drawTurnout([at(0, 0)], at(10, 0))!.curve).toBe('M0 98L100 98');
    expect(drawTurnout([at(0, 7)], at(10, 7))!.curve).toBe('M0 2L100 2');
  });

  test('does not exist before there are two moments', () => {
    expect(drawTurnout([], at(10, 3))).toBeUndefined();
    expect(drawTurnout([at(10, 3)], at(10, 3))).toBeUndefined();
  });

  test('leaves out what a clock that was set back has put behind now', () => {
    expect(drawTurnout([at(0, 0), at(50, 1)], at(10, 2))!.curve).toBe('M0 98L100 2');
  });
});
