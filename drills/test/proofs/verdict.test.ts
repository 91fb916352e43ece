import { expect, it } from 'vitest';
import type { DrillResult } from '../../src/drills/run-drill.ts';
import type { Violation } from '../../src/history/violation.ts';
import { judge } from '../../src/proofs/verdict.ts';

const run = (more: Partial<DrillResult> = {}): DrillResult => ({
  drill: 'proof',
  seed: '1',
  seconds: 1,
  history: [],
  violations: [],
  ...more,
});
const missing: Violation = { rule: 'nothing-is-missing', what: 'a ballot' };
const died: Violation = { rule: 'no-deaths', what: 'worker-1 ended' };

const alone = { breaks: ['nothing-is-missing'] as const };
const lackingOthers = { ...alone, besides: [{ file: 'a', find: 'b', replace: 'c' }] };

it('a mechanism is proved by a clean run with it and a broken promise without it', () => {
  expect(judge(alone, run(), run({ violations: [died, missing] }))).toEqual({ brokenAnyway: [] });
});

it('nothing is proved where nothing was noticed, or only what the proof is not about', () => {
  for (const violations of [[], [died]])
    expect(judge(alone, run(), run({ violations })).why).toMatch(/nothing was noticed/);
});

it('a control that nothing was taken from must keep every promise, not only those that the proof is about', () => {
  const { why } = judge(alone, run({ violations: [died] }), run({ violations: [missing] }));
  expect(why).toContain('no-deaths: worker-1 ended');
});

it('a control that lacks other safeguards may break what they hold, and that is told', () => {
  expect(judge(lackingOthers, run({ violations: [died] }), run({ violations: [missing] }))).toEqual({
    brokenAnyway: [died],
  });
});

it('no control may break what the proof is about', () => {
  for (const proof of [alone, lackingOthers]) {
    const { why } = judge(proof, run({ violations: [died, missing] }), run({ violations: [missing] }));
    expect(why).toMatch(/with the mechanism, /);
  }
});

it('nothing is proved by a control that did not come to its end, or by runs that were left out', () => {
  const noticed = run({ violations: [missing] });
  expect(judge(alone, run({ failure: new Error('it hangs') }), noticed).why).toContain('it hangs');
  expect(judge(alone, run(), run({ leftOut: 'no prlimit' })).why).toBe('left out: no prlimit');
});
