import { expect, it } from 'vitest';
import type { DrillResult } from '../../src/drills/run-drill.ts';
import type { HistoryEvent } from '../../src/history/events.ts';
import type { Violation } from '../../src/history/violation.ts';
import { brokenAnywayLines, proofComplaints, proofsTable } from '../../src/report/proofs.ts';
import { complaints, faultsTable, passed, verdict } from '../../src/report/report.ts';
import { createStory } from '../history/story.ts';

const result = (more: Partial<DrillResult> = {}): DrillResult => ({
  drill: 'kill-redis',
  seed: '12',
  seconds: 1,
  history: [],
  violations: [],
  ...more,
});

function slowStory() {
  const story = createStory();
  story.page(10, 'live', 0);
  story.fault('kill-redis', [1_000, 1_050, 9_000, 9_100], { storeAway: true, stops: ['recording'] });
  story.cast('ann', 'a', { from: 2_000, to: 2_300, as: 'fail' });
  return story.end().history;
}

it('a verdict says what a drill did without', () => {
  const without = [{ fault: 'a', why: 'no links' }];
  expect(verdict(result())).toBe('kept');
  expect(verdict(result({ without }))).toBe('kept, without 1');
  expect(verdict(result({ without, history: slowStory() }))).toBe('SLOW, without 1');
  expect(verdict(result({ leftOut: 'no links' }))).toBe('left out');
});

it('a slow drill says where it was slow, where its history is and how to run it again', () => {
  const slow = result({ history: slowStory() });
  expect(passed(slow)).toBe(true);
  expect(complaints(slow, 'the/folder', 'npm run drill -- kill-redis').join('\n')).toMatch(
    /kill-redis began.* 300 ms.*\n.*the\/folder\n.*SEED=12 npm run drill -- kill-redis/,
  );
  expect(complaints(result(), 'the/folder', 'x')).toEqual([]);
});

it('the table marks what voters waited too long for, whatever they waited while the fault held', () => {
  const row = faultsTable([result({ history: slowStory() })])
    .split('\n')
    .at(-1)!;
  expect(row.split('|').map((cell) => cell.trim())).toContain('300 ms !');
  const story = createStory();
  story.fault('kill-redis', [1_000, 1_050, 9_000, 9_100], { storeAway: true });
  story.cast('as it dies', 'a', { from: 1_010, to: 1_310, as: 'unknown' });
  story.cast('while it holds', 'a', { from: 2_000, to: 2_010, as: 'fail' });
  const history = story.end().history;
  expect(verdict(result({ history }))).toBe('SLOW');
  expect(faultsTable([result({ history })])).toMatch(/ 10 ms +\| 10 ms +\| 10 ms +\| 300 ms ! /);
});

it('every broken rule is told, and of what broke it often some examples', () => {
  const often = Array.from(
    { length: 9 },
    (_, n): Violation => ({ rule: 'last-ok-counts', what: `voter ${n}` }),
  );
  const violations: Violation[] = [...often, { rule: 'no-deaths', what: 'worker-1 ended' }];
  const text = complaints(result({ violations }), 'the/folder', 'x').join('\n');
  expect(text.match(/last-ok-counts/g)).toHaveLength(1);
  expect(text).toMatch(/voter 2\n +and 6 more\n +no-deaths .*\n +worker-1 ended/);
});

it('a drill that is not well says whether it stood still itself', () => {
  const { history } = createStory().end();
  const violations = [{ rule: 'no-deaths', what: 'worker-1 ended' }] as const;
  const told = (ms: number) =>
    complaints(
      result({ history: [...history, { type: 'standstill', at: 9, ms }], violations: [...violations] }),
      'the/folder',
      'x',
    ).join();
  expect(told(4_200)).toMatch(/stood still for 4\.2 s/);
  expect(complaints(result({ history, violations: [...violations] }), 'f', 'x').join()).not.toMatch(/still/);
});

it('tells of a history that is long, as that of a mixed drill is', () => {
  const long = Array.from({ length: 300_000 }, (_, at): HistoryEvent => ({ type: 'note', at, text: '' }));
  const history: HistoryEvent[] = [...long, { type: 'standstill', at: 300_000, ms: 4_200 }];
  const violations = [{ rule: 'no-deaths', what: 'worker-1 ended' }] as const;
  expect(complaints(result({ history, violations }), 'f', 'x').join()).toMatch(/stood still for 4\.2 s/);
});

it('the table shows the pages that never told', () => {
  expect(faultsTable([result({ history: slowStory() })])).toContain('| 1 NEVER ');
});

it('a proof that failed says what was broken, and how to run it again', () => {
  const control = result({ violations: [{ rule: 'no-deaths', what: 'worker-1 ended' }] });
  const without = result({ seed: '12-3' });
  const proof = {
    proof: 'run-id',
    control,
    without,
    attempts: 3,
    proved: false,
    brokenAnyway: [],
    why: 'because',
  };
  const text = proofComplaints(proof, 'the/folder').join('\n');
  for (const part of ['because', 'worker-1 ended', 'the/folder/with', 'the/folder/without-3'])
    expect(text).toContain(part);
  expect(text).toContain('SEED=12 npm run drill -- --prove run-id');
  expect(proofComplaints({ ...proof, proved: true }, 'the/folder')).toEqual([]);
  expect(proofsTable([proof])).toContain('12, 12-3');
});

it('what a control breaks for want of other safeguards is told, and stands in the table', () => {
  const brokenAnyway: Violation[] = [
    { rule: 'all-owned', what: 'partition 1 has two' },
    { rule: 'all-owned', what: 'partition 2 has two' },
  ];
  const proof = {
    proof: 'compare-and-set',
    control: result({ violations: brokenAnyway }),
    without: result(),
    attempts: 1,
    proved: true,
    brokenAnyway,
  };
  expect(brokenAnywayLines(proof).join('\n')).toMatch(/all-owned \(.*\n +partition 1 has two/);
  expect(proofsTable([proof])).toContain('| all-owned ');
});
