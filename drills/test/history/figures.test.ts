import { expect, test } from 'vitest';
import { computeFigures } from '../../src/history/figures.ts';
import { createStory } from './story.ts';

const STOPS = { stops: ['accepting' as const, 'recording' as const] };

test('the figures of a fault are of the ballots that were sent while it held, also those that hung until it was over', () => {
  const story = createStory();
  story.fault('kill-redis', [1_000, 1_050, 9_000, 9_100], STOPS);
  for (let number = 0; number < 99; number += 1) {
    story.cast(`early-${number}`, 'a', { from: 2_000, to: 2_010, as: 'fail' });
  }
  story.cast('slow', 'a', { from: 3_000, to: 3_140, as: 'unknown' });
  story.cast('hangs', 'a', { from: 3_000, to: 9_350, as: 'unknown' });
  story.cast('before', 'a', { from: 100, to: 104, became: 'counted' });
  story.cast('sent before it held', 'a', { from: 900, to: 1_060, as: 'fail' });
  story.cast('while it heals', 'a', { from: 9_040, to: 9_050, as: 'fail' });
  story.cast('after', 'a', { from: 9_400, to: 9_421, became: 'counted' });
  story.cast('sent after that', 'a', { from: 9_450, to: 9_460, became: 'counted' });
  story.cast('never answered', 'a', { from: 9_500 });

  const { whole, quiet, faults } = computeFigures(story.end().history);
  expect(whole).toMatchObject({ ballots: 106, ok: 3, fail: 101, unknown: 2, unanswered: 1 });
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
      ballots: 101,
      ok: 0,
      fail: 99,
      unknown: 2,
      answers: { p50: 10, p99: 140, max: 6_350 },
      firstOkAfter: 321,
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
    pagesTold: 1,
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

test('a ballot that never was answered took as long as it was waited for, and 5 s at least', () => {
  const figures = (end: number) => {
    const story = createStory();
    story.fault('kill-redis', [1_000, 1_050, 9_000, 9_100], STOPS);
    story.cast('ann', 'a', { from: 8_000 });
    story.page(end, 'live', 0);
    return computeFigures(story.end().history).faults[0];
  };
  expect(figures(9_200)).toMatchObject({ ballots: 1, unknown: 1, answers: { max: 5_000 } });
  expect(figures(20_000)).toMatchObject({ ballots: 1, unknown: 1, answers: { max: 12_000 } });
});

test('a page that shows live once more while nothing is recorded has not told yet', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  story.fault('stop-worker', [1_000, 1_050, 9_000, 9_100], { stops: ['recording'] });
  story.page(1_100, 'delayed', 0);
  story.page(1_300, 'live', 0);
  story.page(6_000, 'stale', 0);
  expect(computeFigures(story.end().history).faults[0]).toMatchObject({ pagesToldAfter: 4_950 });
});

test('a fault that was over before a page had to tell accuses none', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  story.fault('stop-worker', [1_000, 1_050, 7_050, 7_100], { stops: ['recording'] });
  expect(computeFigures(story.end().history).faults[0]).toMatchObject({ pagesTold: 0, pagesNeverTold: 0 });
});

test('a page that goes stale only after healing was not live again before that was over', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  story.fault('pause-worker', [1_000, 1_050, 4_000, 4_100]);
  // What it showed at the healing was old news.
  story.page(6_100, 'stale', 0);
  story.page(7_100, 'live', 0);
  story.fault('change-polls', [9_000, 9_050, 9_100, 9_200]);
  expect(computeFigures(story.end().history).faults).toMatchObject([
    { name: 'pause-worker', liveAgainAfter: 3_000 },
    { name: 'change-polls', liveAgainAfter: 0 },
  ]);
});

test('where another fault leaves no time to see a recovery there is no figure of it', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  story.fault('during', [1_000, 1_050, 4_000, 4_100]);
  story.fault('longer', [2_000, 2_050, 6_000, 6_100]);
  story.page(6_050, 'stale', 0);
  story.fault('soon', [6_200, 6_250, 6_300, 6_400]);
  story.page(7_000, 'live', 0);
  const again = computeFigures(story.end().history).faults.map(({ name, liveAgainAfter }) => [
    name,
    liveAgainAfter,
  ]);
  expect(again).toEqual([
    ['during', undefined],
    ['longer', undefined],
    ['soon', 600],
  ]);
});

test('of a fault that deafens, only the pages of those replicas have to tell', () => {
  const story = createStory();
  const [deaf, real, other] = ['result-1/cats', 'chromium/result-1/cats', 'result-2/cats'];
  for (const page of [deaf, real, other]) story.page(10, 'live', 0, { page });
  story.fault('kill-result', [1_000, 1_050, 9_000, 9_100], { deafens: ['result-1'] });
  story.page(6_500, 'silent', 0, { page: deaf });
  expect(computeFigures(story.end().history).faults[0]).toMatchObject({
    pagesToldAfter: 5_450,
    pagesTold: 1,
    pagesNeverTold: 1,
  });
});

test('a page that was cut off has told, though it hears again over another connection while the fault holds', () => {
  const story = createStory();
  const page = 'result-1/cats';
  story.page(10, 'live', 0, { page });
  story.fault('forget-page-result', [1_000, 1_050, 9_000, 9_100], { deafens: ['result-1'] });
  story.page(6_500, 'silent', 0, { page });
  story.page(8_000, 'live', 0, { page });
  expect(computeFigures(story.end().history).faults[0]).toMatchObject({
    pagesToldAfter: 5_450,
    pagesTold: 1,
    pagesNeverTold: 0,
  });
});

test('a page that another fault cuts off is not asked to tell what it cannot hear', () => {
  const story = createStory();
  const [deaf, other] = ['result-1/cats', 'result-2/cats'];
  for (const page of [deaf, other]) story.page(10, 'live', 0, { page });
  story.fault('kill-postgres', [1_000, 1_050, 9_000, 9_100], { stops: ['recording'] });
  story.fault('pause-result', [5_000, 5_010, 12_000, 12_010], { deafens: ['result-1'] });
  story.page(6_000, 'stale', 0, { page: other });
  story.page(10_900, 'silent', 0, { page: deaf });
  expect(computeFigures(story.end().history).faults).toMatchObject([
    { name: 'kill-postgres', pagesToldAfter: 4_950, pagesTold: 1, pagesNeverTold: 0 },
    { name: 'pause-result', pagesToldAfter: 5_890, pagesTold: 1, pagesNeverTold: 0 },
  ]);
});

test('result tells by itself that it is cut off from PostgreSQL', () => {
  const story = createStory();
  story.page(10, 'live', 0);
  story.page(10, 'live', 1, { page: 'closed', phase: 'final' });
  story.fault('hold-result-postgres', [1_000, 1_050, 9_000, 9_100], { blinds: true });
  story.page(6_000, 'stale', 0);
  expect(computeFigures(story.end().history).faults[0]).toMatchObject({
    pagesToldAfter: 4_950,
    pagesTold: 1,
    pagesNeverTold: 0,
  });
});

const AWAY = { storeAway: true as const };
const ON_VOTE = { touchesVote: true as const };
const whileAway = (story: ReturnType<typeof createStory>, name = 'kill-redis') =>
  computeFigures(story.end().history).faults.find((fault) => fault.name === name)!.whileAway;

test('while a store is away is from when the fault begins, before it holds, to the first acceptance after it', () => {
  const story = createStory();
  story.fault('kill-redis', [1_000, 2_000, 3_000, 4_000], AWAY);
  story.cast('before', 'a', { from: 990, to: 1_900, as: 'unknown' });
  story.cast('as it dies', 'a', { from: 1_001, to: 1_111, as: 'unknown' });
  story.cast('while it holds', 'a', { from: 2_500, to: 2_510, as: 'fail' });
  story.cast('as it recovers', 'a', { from: 4_500, to: 4_820, as: 'fail' });
  story.cast('accepted', 'a', { from: 4_900, to: 4_904, became: 'counted' });
  story.cast('after', 'a', { from: 5_000, to: 5_700, became: 'counted' });
  expect(whileAway(story)).toEqual({ p50: 10, p99: 320, max: 320 });
});

test('the recovery from a fault is over where the next one begins', () => {
  const story = createStory();
  story.fault('kill-redis', [1_000, 1_050, 3_000, 3_100], AWAY);
  story.cast('in time', 'a', { from: 3_200, to: 3_210, as: 'fail' });
  story.fault('kill-worker', [3_500, 3_550, 4_000, 4_010]);
  story.cast('late', 'a', { from: 3_600, to: 4_600, as: 'unknown' });
  expect(whileAway(story)).toMatchObject({ max: 10 });
});

test('of a fault that is no store being away there is no such figure', () => {
  const story = createStory();
  story.fault('kill-vote', [1_000, 1_050, 3_000, 3_100], ON_VOTE);
  story.cast('ann', 'a', { from: 2_000, to: 2_010, as: 'fail' });
  expect(whileAway(story, 'kill-vote')).toBeUndefined();
});

test('an application that touches vote itself is not left out for that', () => {
  const story = createStory();
  story.fault('hold-vote-redis', [1_000, 1_050, 3_000, 3_100], { ...AWAY, ...ON_VOTE });
  story.cast('ann', 'a', { from: 2_000, to: 2_010, as: 'fail' });
  expect(whileAway(story, 'hold-vote-redis')).toMatchObject({ max: 10 });
});

test.each([
  { that: 'in the midst of it', times: [1_500, 1_550, 1_600, 1_610] },
  { that: 'from before it', times: [500, 550, 1_010, 1_020] },
  { that: 'and has not recovered when it begins', times: [500, 550, 600, 610] },
  { that: 'only while it is healed', times: [3_050, 3_060, 3_070, 3_080] },
] as const)('an application is left out where another fault touches vote $that', ({ times }) => {
  for (const [effects, left] of [
    [ON_VOTE, 1],
    [{}, 2],
  ] as const) {
    const story = createStory();
    story.fault('other', [...times], effects);
    story.fault('kill-redis', [1_000, 1_050, 3_000, 3_100], AWAY);
    story.cast('under the first', 'a', { from: 2_000, to: 2_900, as: 'unknown' });
    story.cast('accepted', 'a', { from: 3_200, to: 3_210, became: 'counted' });
    story.fault('kill-redis', [11_000, 11_050, 13_000, 13_100], AWAY);
    story.cast('under the second', 'a', { from: 12_000, to: 12_010, as: 'fail' });
    expect(whileAway(story)?.max, JSON.stringify(effects)).toBe(left === 1 ? 10 : 900);
  }
});
