import { describe, expect, it } from 'vitest';
import { createTimes, describeTimes } from '../src/times.ts';

function timesOf(all: Iterable<number>) {
  const times = createTimes();
  for (const ms of all) times.add(ms);
  return times;
}

describe('times', () => {
  it('tell what the given part of all does not exceed, to a thousandth', () => {
    const hundred = timesOf(Array.from({ length: 100 }, (_, index) => 100 - index));
    expect(hundred.count).toBe(100);
    for (const part of [0.5, 0.95, 0.99, 1]) {
      const exact = part * 100;
      expect(Math.abs(hundred.quantile(part) - exact) / exact, `${part}`).toBeLessThanOrEqual(0.001);
    }
  });

  it('are words for people, of none too, and of what is shorter or longer than it can keep', () => {
    expect(describeTimes(timesOf([100, 9, 20]))).toBe('p50 20 ms, p95 100 ms, p99 100 ms');
    expect(describeTimes(createTimes())).toBe('p50 –, p95 –, p99 –');
    expect(describeTimes(timesOf([0]))).toBe('p50 0.0 ms, p95 0.0 ms, p99 0.0 ms');
    expect(timesOf([1e9]).quantile(1) / 3_600_000).toBeCloseTo(1, 2);
  });

  it('can be forgotten', () => {
    const times = timesOf([500]);
    times.clear();
    expect(times.count).toBe(0);
    times.add(5);
    expect(times.quantile(0.99)).toBeCloseTo(5, 1);
  });
});
