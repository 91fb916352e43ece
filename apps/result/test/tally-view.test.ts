import type { Tally } from '@hbf/contracts/tally';
import type { Sentence } from '@hbf/page-kit/writing';
import { describe, expect, test } from 'vitest';
import { viewTally as viewTallyIn } from '../src/tally-view.ts';
import { wordsIn } from '../src/words/words.ts';

const viewTally = (tally: Tally) => viewTallyIn(tally, wordsIn('en'));
const { writing } = wordsIn('en');

const TALLY: Tally = {
  poll: 'best-friend',
  question: 'Cats or dogs?',
  options: [
    { key: 'a', label: 'Cats', votes: 2 },
    { key: 'b', label: 'Dogs', votes: 1 },
  ],
  turnout: 3,
  asOf: '2026-06-01T14:02:00.000Z',
  queued: 0,
  status: 'live',
  phase: 'open',
  opensAt: null,
  closesAt: null,
};

const votes = (...counts: (number | null)[]) =>
  counts.map((count, index) => ({
    key: 'abc'[index]!,
    label: ['Cats', 'Dogs', 'Owls'][index]!,
    votes: count,
  }));

const say = (sentence: Sentence | undefined) =>
  sentence
    ?.map((part) => {
      if (typeof part === 'string') return part;
      if ('line' in part) return `. ${part.line}`;
      return 'strong' in part ? part.strong : writing.time(part.time, 'UTC', Date.parse(part.time));
    })
    .join('');

const freshness = (over: Partial<Tally>) => {
  const view = viewTally({ ...TALLY, ...over });
  return `${view.freshness.tone}: ${say(view.freshness.text)}`;
};

describe('bars and numbers', () => {
  test('show votes and the share of the voters', () => {
    expect(viewTally(TALLY).rows).toEqual([
      { key: 'a', label: 'Cats', votes: '2 votes', share: '67%', width: 66.67, leads: true },
      { key: 'b', label: 'Dogs', votes: '1 vote', share: '33%', width: 33.33, leads: false },
    ]);
    expect(viewTally({ ...TALLY, turnout: 1_234 }).turnout).toBe('1,234 voters');
    expect(viewTally({ ...TALLY, turnout: 1 }).turnout).toBe('1 voter');
  });

  test('before the first ballot there is no share and no bar', () => {
    const view = viewTally({ ...TALLY, options: votes(0, 0), turnout: 0 });
    expect(view.turnout).toBe('No ballots yet');
    expect(view.rows.map(({ share, width }) => ({ share, width }))).toEqual([
      { share: '', width: 0 },
      { share: '', width: 0 },
    ]);
  });

  test('two that differ never look like a tie', () => {
    const shares = (...counts: number[]) =>
      viewTally({ ...TALLY, options: votes(...counts), turnout: 2_391 }).rows.map(({ share }) => share);
    expect(shares(1_204, 1_187)).toEqual(['50.4%', '49.6%']);
    expect(shares(1_195, 1_195)).toEqual(['50%', '50%']);
    expect(shares(1_204, 1_000)).toEqual(['50%', '42%']);
  });

  test('nearly nobody is not 0%, nearly everybody is not 100%', () => {
    const { rows } = viewTally({ ...TALLY, options: votes(1, 999), turnout: 1_000 });
    expect(rows.map(({ share }) => share)).toEqual(['<1%', '>99%']);
  });

  test('hidden votes leave no trace, and the page says when they are shown', () => {
    const closesAt = '2026-06-01T18:00:00.000Z';
    const view = viewTally({ ...TALLY, options: votes(null, null), turnout: 9, closesAt });
    expect(view.rows.every(({ votes, share, width }) => votes === '' && share === '' && width === 0)).toBe(
      true,
    );
    expect(say(view.hidden)).toBe('The votes are shown once voting closes: 18:00 UTC');
    expect(view.turnout).toBe('9 voters');
    expect(view.verdict).toBeUndefined();
    const closed = viewTally({ ...TALLY, options: votes(null, null), phase: 'closed', closesAt });
    expect(say(closed.hidden)).toBe(
      'The votes are shown as soon as it is certain that no more ballots are accepted.',
    );
    expect(say(closed.times)).toBe('Voting closed: 18:00 UTC');
  });
});

describe('the verdict', () => {
  const final = (over: Partial<Tally>) => say(viewTally({ ...TALLY, phase: 'final', ...over }).verdict);

  test('names the option with most votes, or a tie, once the poll is final', () => {
    expect(final({})).toBe('Most votes: Cats');
    expect(final({ options: votes(2, 2, 0), turnout: 4 })).toBe('A tie: Cats and Dogs');
    expect(final({ options: votes(2, 2, 2), turnout: 6 })).toBe('A tie: Cats, Dogs and Owls');
  });

  test('says who leads, by how much, or that it is a tie, while that may still change', () => {
    for (const phase of ['open', 'closed'] as const) {
      expect(final({ phase })).toBe('Ahead by 1 vote: Cats');
      expect(final({ phase, options: votes(2, 9, 7), turnout: 18 })).toBe('Ahead by 2 votes: Dogs');
      expect(final({ phase, options: votes(2, 2, 0), turnout: 4 })).toBe('A tie: Cats and Dogs');
    }
  });

  test('is nobody without ballots, and nothing is said of one while the votes are hidden', () => {
    expect(final({ phase: 'open', options: votes(0, 0), turnout: 0 })).toBe('Nobody is ahead yet');
    expect(final({ options: votes(0, 0), turnout: 0 })).toBe('No outcome: nobody voted');
    expect(final({ options: votes(null, null) })).toBeUndefined();
    expect(viewTally({ ...TALLY, phase: 'final', options: votes(0, 0), turnout: 0 }).turnout).toBe(
      'No ballots were cast',
    );
  });
});

test('everything is said in French as well', () => {
  const words = wordsIn('fr');
  const view = viewTallyIn({ ...TALLY, status: 'delayed', queued: 12, turnout: 1_234 }, words);
  expect(view.rows[0]).toMatchObject({ votes: '2 voix' });
  expect(view.turnout).toMatch(/^1\s234 votants$/);
  expect(say(view.freshness.text)).toBe('Le décompte a du retard\u00a0: 12 bulletins en route');
  expect(say(view.verdict)).toBe('En tête, avec 1 voix d’avance\u00a0: Cats');
});

test('freshness is told in words', () => {
  expect(freshness({})).toBe('live: Live');
  expect(freshness({ queued: 1 })).toBe('live: Live: 1 ballot on its way');
  expect(freshness({ queued: 12 })).toBe('live: Live: 12 ballots on their way');
  expect(freshness({ turnout: 0 })).toBe('live: Live: waiting for the first ballot');
  expect(freshness({ status: 'delayed', queued: 12 })).toBe(
    'delayed: Counting is behind: 12 ballots on their way',
  );
  const never = new Date(0).toISOString();
  expect(freshness({ status: 'stale', asOf: never, turnout: 0 })).toBe(
    'stale: Counting has not started yet. Accepted ballots will be counted.',
  );
  expect(freshness({ status: 'stale', asOf: never, turnout: 0, phase: 'scheduled' })).toBe(
    'stale: Counting has not started yet',
  );
  expect(freshness({ phase: 'scheduled' })).toBe('waiting: Voting has not opened yet');
  expect(freshness({ phase: 'closed', queued: 3 })).toBe('waiting: Voting is closed: 3 ballots on their way');
  expect(freshness({ phase: 'final', status: 'stale' })).toBe('final: Final: every ballot is counted');
});

test('while counting has stopped, nothing is said of how many ballots are on their way, but that they are kept', () => {
  const stopped = 'stale: Counting has stopped since 14:02 UTC. Accepted ballots will be counted.';
  expect(freshness({ status: 'stale' })).toBe(stopped);
  expect(freshness({ status: 'stale', queued: 2 })).toBe(stopped);
  expect(freshness({ status: 'stale', phase: 'closed' })).toBe(stopped);
  expect(freshness({ status: 'stale', phase: 'scheduled' })).toBe(
    'stale: Counting has stopped since 14:02 UTC',
  );
});

test('French has its spaces before high punctuation, which no line may begin with', () => {
  const textsOf = (words: unknown): string[] => {
    if (typeof words === 'string') return [words];
    if (typeof words === 'function')
      return textsOf((words as (...args: unknown[]) => unknown)(['x'], 'y', 3));
    return words && typeof words === 'object' ? Object.values(words).flatMap(textsOf) : [];
  };
  const { writing: _, ...words } = wordsIn('fr');
  const texts = textsOf(words);
  expect(texts.length).toBeGreaterThan(60);
  expect(texts.filter((text) => /[ \w][:;!?](?!\/)( |$)/.test(text.replace(/\d:\d/g, '')))).toEqual([]);
});
