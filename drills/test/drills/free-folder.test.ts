import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DRILLS } from '../../src/drills/catalogue.ts';
import { makeFreeFolder } from '../../src/drills/free-folder.ts';
import { runDrill } from '../../src/drills/run-drill.ts';

let below: string;
beforeEach(() => {
  below = mkdtempSync(join(tmpdir(), 'hbf-free-'));
});
afterEach(() => {
  rmSync(below, { recursive: true });
});

it('a run that is repeated with its seed gets a folder of its own, and the first keeps what is in it', () => {
  const first = makeFreeFolder('kill-redis', '42', below);
  writeFileSync(join(first, 'history.jsonl'), 'evidence');
  const second = makeFreeFolder('kill-redis', '42', below);
  const third = makeFreeFolder('kill-redis', '42', below);
  expect([first, second, third]).toEqual(
    ['kill-redis-42', 'kill-redis-42.2', 'kill-redis-42.3'].map((name) => join(below, name)),
  );
  expect(readdirSync(second)).toEqual([]);
  expect(readdirSync(first)).toEqual(['history.jsonl']);
});

it('a seed that looks like a path stays below', () => {
  const folder = makeFreeFolder('kill-redis', '../../x y', below);
  expect(existsSync(folder)).toBe(true);
  expect(readdirSync(below)).toHaveLength(1);
});

it('no drill writes over the history of another', async () => {
  writeFileSync(join(below, 'history.jsonl'), 'evidence');
  const create = async () => {
    throw new Error('it was started');
  };
  const drill = runDrill(DRILLS.get('kill-redis')!, { seed: '1', folder: below, create });
  await expect(drill).rejects.toThrow('history of another');
  expect(readFileSync(join(below, 'history.jsonl'), 'utf8')).toBe('evidence');
});
