import { describe, expect, it } from 'vitest';
import { describeLatency, quantile } from '../src/latency.ts';

describe('latency', () => {
  it('takes the value that the given part of all values does not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0.5, 0.95, 0.99, 1].map((part) => quantile(hundred, part))).toEqual([50, 95, 99, 100]);
    expect(quantile([7], 0.5)).toBe(7);
  });

  it('sorts by number, and has words for no value at all', () => {
    expect(describeLatency([100, 9, 20])).toBe('p50 20 ms, p95 100 ms, p99 100 ms');
    expect(describeLatency([])).toBe('p50 –, p95 –, p99 –');
  });
});
