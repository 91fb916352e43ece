import type { Tally } from '@hbf/contracts/tally';
import { describe, expect, it } from 'vitest';
import { viewTally } from '../../../apps/result/src/tally-view.ts';
import { wordsIn } from '../../../apps/result/src/words/words.ts';
import { readDom } from '../../src/clients/read-dom.ts';

/** The words that the page has for a tally. */
function wordsFor(changes: Partial<Tally>) {
  const view = viewTally(
    {
      poll: 'faults',
      question: 'Which one now?',
      options: [
        { key: 'o0', label: 'Option 0', votes: 12_345 },
        { key: 'o1', label: 'Option 1', votes: 1 },
      ],
      turnout: 12_346,
      asOf: '2026-06-01T12:00:00.000Z',
      queued: 0,
      status: 'live',
      phase: 'open',
      opensAt: null,
      closesAt: null,
      ...changes,
    },
    wordsIn('en'),
  );
  const write = (sentence: typeof view.times = []) =>
    sentence
      .map((part) =>
        typeof part === 'string'
          ? part
          : 'time' in part
            ? part.time
            : 'line' in part
              ? part.line
              : part.strong,
      )
      .join('');
  return {
    tone: view.freshness.tone,
    freshness: write(view.freshness.text),
    turnout: view.turnout,
    times: write(view.times),
    votes: view.rows.map(({ votes }) => votes),
  };
}

describe("the real page's words", () => {
  it('are read as the tally that they were made of', () => {
    expect(readDom(wordsFor({ queued: 1_200 }), undefined)).toEqual({
      shows: 'live',
      turnout: 12_346,
      queued: 1_200,
      phase: 'open',
      votes: [12_345, 1],
    });
    expect(readDom(wordsFor({ status: 'delayed', queued: 7 }), undefined)).toMatchObject({
      shows: 'delayed',
      queued: 7,
    });
    expect(readDom(wordsFor({ phase: 'closed', queued: 1 }), undefined)).toMatchObject({
      shows: 'live',
      phase: 'closed',
      queued: 1,
    });
    const opensAt = '2026-06-01T13:00:00.000Z';
    expect(readDom(wordsFor({ phase: 'scheduled', opensAt, turnout: 0 }), undefined)).toMatchObject({
      shows: 'live',
      phase: 'scheduled',
      turnout: 0,
    });
    expect(readDom(wordsFor({ phase: 'final' }), undefined)).toMatchObject({ shows: 'live', phase: 'final' });
  });

  it('say nothing of the queue while counting stands still: the last number stays', () => {
    const before = readDom(wordsFor({ queued: 9 }), undefined);
    expect(readDom(wordsFor({ status: 'stale', queued: 11 }), before)).toEqual({ ...before, shows: 'stale' });
    const silent = {
      ...wordsFor({ queued: 9 }),
      tone: 'silent',
      freshness: 'No news from the server for 6 s',
    };
    expect(readDom(silent, before)).toEqual({ ...before, shows: 'silent' });
  });

  it('hide the votes where they are hidden', () => {
    const options = [{ key: 'o0', label: 'Option 0', votes: null }];
    expect(readDom(wordsFor({ options }), undefined).votes).toEqual([null]);
  });

  it('are refused where they are not understood', () => {
    expect(() => readDom({ ...wordsFor({}), tone: 'splendid' }, undefined)).toThrow('splendid');
  });
});
