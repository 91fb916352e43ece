import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { DrillResult } from '../../src/drills/run-drill.ts';
import { linkFaults } from '../../src/faults/links.ts';
import { killRedis, pauseRedis } from '../../src/faults/redis.ts';
import type { HistoryEvent } from '../../src/history/events.ts';
import { coverage } from '../../src/report/coverage.ts';
import { findPlace } from '../../src/report/document.ts';
import { provenance } from '../../src/report/provenance.ts';
import { remarks } from '../../src/report/remarks.ts';
import { ROOT } from '../../src/system/project.ts';
import { createStory } from '../history/story.ts';

const IN_TURN = { order: 'in-turn', rounds: 1 } as const;
const MIXED = { order: 'mixed', forMs: 1_000 } as const;

const folder = mkdtempSync(join(tmpdir(), 'hbf-document-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('tables replace what stood in their place, and nothing else', () => {
  const file = join(folder, 'a.md');
  writeFileSync(file, 'before\n<!-- drills -->\nold\n<!-- end of drills -->\nafter\n');
  findPlace(file, 'drills').fill(['one', 'two']);
  expect(readFileSync(file, 'utf8')).toBe(
    'before\n<!-- drills -->\none\n\ntwo\n<!-- end of drills -->\nafter\n',
  );
});

it('a document without a place is refused before anything runs', () => {
  const file = join(folder, 'b.md');
  writeFileSync(file, '<!-- drills -->\n');
  expect(() => findPlace(file, 'drills')).toThrow(/no place/);
});

it("the project's own document has every place", () => {
  for (const name of ['drills', 'proofs', 'drills on compose']) findPlace(join(ROOT, 'docs/drills.md'), name);
});

const run = (drill: string, more: Partial<DrillResult> = {}) => ({ drill, history: [], ...more });

it('a table of some drills says which', () => {
  const set = ['a', 'b', 'c'].map((name) => ({ name, plan: IN_TURN, faults: [killRedis] }));
  expect(coverage([run('a'), run('b'), run('c')], set)).toBe('Run: 3 of the 3 drills of the full set.');
  expect(coverage([run('a'), run('b', { leftOut: 'no links' }), run('short')], set)).toBe(
    'Run: 1 of the 3 drills of the full set; besides: short; left out: b; not asked for: c.',
  );
});

it('a table of a mixed drill says which faults were never drawn, but for those that it was run without', () => {
  const set = [
    { name: 'mixed', plan: MIXED, faults: [killRedis, pauseRedis, ...linkFaults('voter-vote')] },
    { name: 'kill-redis', plan: IN_TURN, faults: [killRedis] },
  ];
  const story = createStory();
  story.fault('kill-redis', [1, 2, 3, 4]);
  story.fault('delay-voter-vote', [5, 6, 7, 8]);
  const { history } = story.end();
  const without = [{ fault: 'cut-voter-vote', why: 'no links' }];
  expect(coverage([run('kill-redis'), run('mixed', { history, without })], set)).toBe(
    'Run: 2 of the 2 drills of the full set. Not drawn in mixed: pause-redis, hold-voter-vote, forget-voter-vote.',
  );
});

it('what happened besides the faults is told of each drill, and how often', () => {
  const note = (text: string, toReport?: true): HistoryEvent => ({
    type: 'note',
    at: 1,
    text,
    ...(toReport && { toReport }),
  });
  const hung = note('PostgreSQL was stopped', true);
  expect(remarks([run('a', { history: [note('stepped by 3 s')] })])).toEqual([]);
  expect(
    remarks([run('a', { history: [hung, note('stepped by 3 s'), hung] }), run('b', { history: [hung] })]),
  ).toEqual(['Besides, in a (2 times), b: PostgreSQL was stopped.']);
});

it('a run says of what and where it was, without the name of the machine or a path of it', async () => {
  const options = { seed: '42', document: join(ROOT, 'docs/drills.md') };
  const local = await provenance({ ...options, compose: false });
  expect(local).toMatch(
    /`SEED=42`, on \d{4}-\d\d-\d\d, of (commit [0-9a-f]{7,}( \+ changes)?|an unknown commit)\./,
  );
  expect(local).toMatch(/\d+ cores, [\d.]+ GiB, .*Node \d+.*(Redis|Valkey) \d+\.\d+.*PostgreSQL \d+/);
  expect(local).not.toContain('/home');
  expect(await provenance({ ...options, compose: true })).toMatch(/`redis:\S+`, `postgres:\S+`\.$/);
});
