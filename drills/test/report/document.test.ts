import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { coverage } from '../../src/report/coverage.ts';
import { findPlace } from '../../src/report/document.ts';
import { provenance } from '../../src/report/provenance.ts';
import { ROOT } from '../../src/system/project.ts';

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

it('a table of some drills says which', () => {
  const set = ['a', 'b', 'c'].map((name) => ({ name }));
  expect(coverage([{ drill: 'a' }, { drill: 'b' }, { drill: 'c' }], set)).toBe(
    'Run: 3 of the 3 drills of the full set.',
  );
  expect(coverage([{ drill: 'a' }, { drill: 'b', leftOut: 'no links' }, { drill: 'short' }], set)).toBe(
    'Run: 1 of the 3 drills of the full set; besides: short; left out: b; not asked for: c.',
  );
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
