import type { Tally } from '@hbf/contracts/tally';
import { describe, expect, it } from 'vitest';
import { createPageState, type Sight } from '../../src/clients/page-state.ts';

const TALLY: Tally = {
  poll: 'faults',
  question: 'Which one now?',
  options: [
    { key: 'o0', label: 'Option o0', votes: 2 },
    { key: 'o1', label: 'Option o1', votes: 1 },
  ],
  turnout: 3,
  asOf: '2026-06-01T12:00:00.000Z',
  queued: 0,
  status: 'live',
  phase: 'open',
  opensAt: null,
  closesAt: null,
};

function openPage() {
  const seen: Sight[] = [];
  const page = createPageState((sight) => seen.push(sight));
  return { page, seen, shown: () => seen.map(({ shows }) => shows) };
}

describe('what a page shows', () => {
  it('is told at each change, and not when the same is heard again', () => {
    const { page, seen } = openPage();
    page.hears(TALLY);
    page.hears({ ...TALLY, asOf: '2026-06-01T12:00:01.000Z' });
    expect(seen).toEqual([{ shows: 'live', turnout: 3, queued: 0, phase: 'open', votes: [2, 1] }]);
    page.hears({ ...TALLY, queued: 4 });
    page.hears({ ...TALLY, status: 'delayed', queued: 4 });
    page.hears({ ...TALLY, phase: 'closed' });
    expect(seen.map(({ shows, queued, phase }) => [shows, queued, phase])).toEqual([
      ['live', 0, 'open'],
      ['live', 4, 'open'],
      ['delayed', 4, 'open'],
      ['live', 0, 'closed'],
    ]);
    expect(page.sight).toEqual(seen.at(-1));
  });

  it('is "silent", once, while nothing is heard, and otherwise as it was', () => {
    const { page, seen, shown } = openPage();
    page.hears(TALLY);
    page.hearsNothing();
    page.hearsNothing();
    expect(shown()).toEqual(['live', 'silent']);
    expect(seen[1]).toEqual({ ...seen[0], shows: 'silent' });
    page.hears(TALLY);
    expect(shown()).toEqual(['live', 'silent', 'live']);
  });

  it('keeps hidden votes hidden', () => {
    const { page, seen } = openPage();
    page.hears({ ...TALLY, options: TALLY.options.map((option) => ({ ...option, votes: null })) });
    expect(seen[0]!.votes).toEqual([null, null]);
  });

  it('is nothing before the first tally, however long that takes', () => {
    const { page, seen } = openPage();
    page.hearsNothing();
    expect(page.sight).toBeUndefined();
    expect(seen).toEqual([]);
  });
});
