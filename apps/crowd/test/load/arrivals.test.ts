import { describe, expect, it } from 'vitest';
import { planArrivals, REMEMBERED } from '../../src/load/arrivals.ts';
import { createRandom } from '../../src/random.ts';

const plan = { rate: 100, durationMs: 60_000, revotes: 0.2, pages: 0.5, options: ['a', 'b'] };
const arrivals = (seed: string, changes: Partial<typeof plan> = {}) => [
  ...planArrivals({ ...plan, ...changes }, createRandom(seed)),
];

describe('the arrivals of a crowd', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(arrivals('one')).toEqual(arrivals('one'));
    expect(arrivals('one')).not.toEqual(arrivals('two'));
  });

  it('come at the rate, one after the other, at times that nobody can foresee', () => {
    const times = arrivals('one').map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(60_000);
    // Of a Poisson process: 6,000, give or take the root of it a few times; and the gaps' deviation is as large as they.
    expect(Math.abs(times.length - 6_000)).toBeLessThan(4 * Math.sqrt(6_000));
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(deviation / mean).toBeGreaterThan(0.9);
    expect(deviation / mean).toBeLessThan(1.1);
  });

  it('bring back only those who have come before, as often as asked', () => {
    const seen = new Set<number>();
    let back = 0;
    for (const { voter } of arrivals('one')) {
      if (seen.has(voter)) back += 1;
      else expect(voter).toBe(seen.size);
      seen.add(voter);
    }
    expect(back / arrivals('one').length).toBeGreaterThan(0.17);
    expect(back / arrivals('one').length).toBeLessThan(0.23);
    expect(new Set(arrivals('one', { revotes: 0 }).map(({ voter }) => voter)).size).toBe(
      arrivals('one', { revotes: 0 }).length,
    );
  });

  it('bring back nobody of whom nothing need be known any more', () => {
    let voters = 0;
    let oldest = Number.POSITIVE_INFINITY;
    for (const { voter } of arrivals('one', { rate: 1_000, revotes: 0.3 })) {
      if (voter >= voters) voters = voter + 1;
      else expect(voter).toBeGreaterThanOrEqual(voters - REMEMBERED);
      if (voters > 2 * REMEMBERED) oldest = Math.min(oldest, voter);
    }
    expect(voters).toBeGreaterThan(3 * REMEMBERED);
    expect(oldest).toBeGreaterThan(0);
  });

  it('are by page as often as asked, whoever comes', () => {
    const byPage = arrivals('one').filter((arrival) => arrival.byPage).length;
    expect(byPage / arrivals('one').length).toBeGreaterThan(0.46);
    expect(byPage / arrivals('one').length).toBeLessThan(0.54);
    expect(arrivals('one', { pages: 0 }).some((arrival) => arrival.byPage)).toBe(false);
  });
});
