import { describe, expect, it } from 'vitest';
import { writeTime } from '../src/write-time.ts';
import { NOON } from './support/polls.ts';

describe('a moment', () => {
  const iso = new Date(NOON).toISOString();

  it('of today is written as the hour, of another day with its date', () => {
    expect(writeTime(iso, 'UTC', NOON + 60_000)).toBe('12:00 UTC');
    expect(writeTime(iso, 'UTC', NOON + 86_400_000)).toBe('1 Jun 2026, 12:00 UTC');
  });

  it('is of today, or is not, by the zone that it is written in, which is named', () => {
    const early = new Date(NOON - 11 * 3_600_000).toISOString();
    expect(writeTime(early, 'UTC', NOON)).toBe('01:00 UTC');
    expect(writeTime(early, 'America/Los_Angeles', NOON)).toBe('31 May 2026, 18:00 GMT-7');
  });
});
