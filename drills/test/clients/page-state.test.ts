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
  let now = 1_000;
  const seen: Sight[] = [];
  const page = createPageState(
    () => now,
    (sight) => seen.push(sight),
  );
  const pass = (ms: number) => {
    now += ms;
    page.tick();
  };
  return { page, seen, pass, shown: () => seen.map(({ shows }) => shows) };
}

describe('what a page shows', () => {
  it('is told at each change, and not when the same is heard again', () => {
    const { page, seen, pass } = openPage();
    page.hear(TALLY);
    pass(1_000);
    page.hear({ ...TALLY, asOf: '2026-06-01T12:00:01.000Z' });
    expect(seen).toEqual([{ shows: 'live', turnout: 3, queued: 0, phase: 'open', votes: [2, 1] }]);
    page.hear({ ...TALLY, queued: 4 });
    page.hear({ ...TALLY, status: 'delayed', queued: 4 });
    page.hear({ ...TALLY, phase: 'closed' });
    expect(seen.map(({ shows, queued, phase }) => [shows, queued, phase])).toEqual([
      ['live', 0, 'open'],
      ['live', 4, 'open'],
      ['delayed', 4, 'open'],
      ['live', 0, 'closed'],
    ]);
    expect(page.sight).toEqual(seen.at(-1));
  });

  it('is "silent", once, when nothing was heard for more than 5 s, and otherwise as it was', () => {
    const { page, seen, pass, shown } = openPage();
    page.hear(TALLY);
    pass(5_000);
    expect(shown()).toEqual(['live']);
    pass(1);
    expect(shown()).toEqual(['live', 'silent']);
    pass(1_000);
    expect(shown()).toEqual(['live', 'silent']);
    expect(seen[1]).toEqual({ ...seen[0], shows: 'silent' });
    page.hear(TALLY);
    expect(shown()).toEqual(['live', 'silent', 'live']);
  });

  it('keeps hidden votes hidden', () => {
    const { page, seen } = openPage();
    page.hear({ ...TALLY, options: TALLY.options.map((option) => ({ ...option, votes: null })) });
    expect(seen[0]!.votes).toEqual([null, null]);
  });

  it('is nothing before the first tally, however long that takes', () => {
    const { page, seen, pass } = openPage();
    pass(60_000);
    expect(page.sight).toBeUndefined();
    expect(seen).toEqual([]);
  });
});
