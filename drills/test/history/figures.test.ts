import { expect, test } from 'vitest';
import { computeFigures } from '../../src/history/figures.ts';
import { createStory } from './story.ts';

const STOPS = { stops: ['accepting' as const, 'recording' as const] };

test('the figures of a fault are of the ballots that were answered while it held', () => {
  const story = createStory();
  story.fault('kill-redis', [1_000, 1_050, 9_000, 9_100], STOPS);
  for (let number = 0; number < 99; number += 1) {
    story.cast(`early-${number}`, 'a', { from: 2_000, to: 2_010, as: 'fail' });
  }
  story.cast('slow', 'a', { from: 3_000, to: 3_140, as: 'unknown' });
  story.cast('before', 'a', { from: 100, to: 104, became: 'counted' });
  story.cast('while it heals', 'a', { from: 9_040, to: 9_050, as: 'fail' });
  story.cast('after', 'a', { from: 9_400, to: 9_420.5, became: 'counted' });
  story.cast('sent after that', 'a', { from: 9_450, to: 9_460, became: 'counted' });
  story.cast('never answered', 'a', { from: 9_500 });

  const { whole, quiet, faults } = computeFigures(story.end().history);
  expect(whole).toMatchObject({ ballots: 104, ok: 3, fail: 100, unknown: 1, unanswered: 1 });
  // The one that told that voting works again is of the recovery.
  expect(quiet).toEqual({
    ballots: 2,
    ok: 2,
    fail: 0,
    unknown: 0,
    answers: { p50: 4, p99: 10, max: 10 },
  });
  expect(faults).toEqual([
    {
      name: 'kill-redis',
      times: 1,
      ballots: 100,
      ok: 0,
      fail: 99,
      unknown: 1,
      answers: { p50: 10, p99: 10, max: 140 },
      pagesNeverTold: 0,
      firstOkAfter: 320.5,
    },
  ]);
});

test('the slowest page tells how long watchers were deceived, and how long until all is live again', () => {
  const story = createStory();
  for (const page of ['quick', 'slow']) story.page(10, 'live', 0, { page });
  story.fault('stop-worker', [1_000, 1_050, 9_000, 9_100], { stops: ['recording'] });
  story.page(3_000, 'delayed', 0, { page: 'quick' });
  story.page(6_100, 'stale', 0, { page: 'slow' });
  story.page(9_300, 'live', 0, { page: 'slow' });
  story.page(9_900, 'live', 0, { page: 'quick' });

  const [figures] = computeFigures(story.end().history).faults;
  expect(figures).toMatchObject({ pagesToldAfter: 5_050, pagesNeverTold: 0, liveAgainAfter: 800 });
  expect(figures).not.toHaveProperty('answers');
});

test('faults of one name are told together, with the worst of their times', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  for (const began of [1_000, 20_000]) {
    story.fault('stop-worker', [began, began + 50, began + 8_000, began + 8_010], { stops: ['recording'] });
  }
  story.page(6_000, 'stale', 0);
  story.page(10_000, 'live', 0);
  const { faults } = computeFigures(story.end().history);
  expect(faults).toHaveLength(1);
  // The second time the page never told.
  expect(faults[0]).toMatchObject({
    times: 2,
    pagesToldAfter: 4_950,
    pagesNeverTold: 1,
    liveAgainAfter: 990,
  });
});

test('what never came has no time', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  story.fault('stop-worker', [1_000, 1_050, 9_000, 9_100], { stops: ['recording'] });
  story.page(6_000, 'stale', 0);
  const [figures] = computeFigures(story.end().history).faults;
  expect(figures).not.toHaveProperty('liveAgainAfter');
  expect(figures).not.toHaveProperty('firstOkAfter');
});

test('a fault that stops no recording asks nothing of the pages', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  story.fault('stop-vote', [1_000, 1_050, 9_000, 9_100], { stops: ['accepting'] });
  const [figures] = computeFigures(story.end().history).faults;
  expect(figures).not.toHaveProperty('pagesToldAfter');
  expect(figures).not.toHaveProperty('pagesNeverTold');
  expect(figures).toMatchObject({ liveAgainAfter: 0 });
});
