import { describe, expect, test } from 'vitest';
import { thinPoints } from '../src/thin-points.ts';

const growing = (length: number, at: (n: number) => number) =>
  Array.from({ length }, (_, n) => ({ at: at(n), voters: n + 1 }));

describe('thinPoints', () => {
  test('leaves few points alone', () => {
    const points = growing(7, (n) => n * n);
    expect(thinPoints(points, 7)).toBe(points);
    expect(thinPoints([], 7)).toEqual([]);
  });

  test('keeps the first, and of equal spans of time the last, as they were', () => {
    const points = growing(101, (n) => 1_000 + n);
    expect(thinPoints(points, 5).map(({ at }) => at)).toEqual([1_000, 1_025, 1_050, 1_075, 1_100]);
    expect(thinPoints(points, 5).at(-1)).toEqual({ at: 1_100, voters: 101 });
  });

  test('tells nothing of spans in which nothing grew', () => {
    const points = [...growing(50, (n) => n), ...growing(50, (n) => 10_000 + n)];
    expect(thinPoints(points, 10).map(({ at }) => at)).toEqual([0, 49, 10_049]);
  });

  test.each([2, 3, 10, 119, 120])('is at most %i, however the points lie, and keeps the ends', (most) => {
    for (const at of [
      (n: number) => n,
      (n: number) => 1.7e12 + 5_000 * n,
      (n: number) => 1.7e12 + n ** 3,
      (n: number) => 1.7e12 + 1e12 * (1 - 1 / (n + 1)),
    ]) {
      const points = growing(1_000, at);
      const thin = thinPoints(points, most);
      expect(thin.length).toBeLessThanOrEqual(most);
      expect(thin[0]).toBe(points[0]);
      expect(thin.at(-1)).toBe(points.at(-1));
    }
  });
});
