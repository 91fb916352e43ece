import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { check } from '../../src/history/check.ts';
import { FINAL_FILE, HISTORY_FILE, readDrill, readHistory } from '../../src/history/read.ts';
import { createRecorder } from '../../src/history/recorder.ts';
import { createStory } from './story.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hbf-history-'));
});

afterEach(() => rm(folder, { recursive: true }));

test('what a recorder wrote is read back as it was', async () => {
  const file = join(folder, HISTORY_FILE);
  const recorder = createRecorder(file);
  recorder.record({ type: 'note', text: 'one' });
  recorder.record({ type: 'invoke', ballot: 1, voter: 'ann', poll: 'cats', choices: ['a'] });
  await recorder.close();
  expect(await readHistory(file)).toEqual(recorder.events);
});

test('a drill can be checked again from its folder', async () => {
  const story = createStory();
  story.cast('ann', 'a', { from: 1, to: 2, became: 'superseded' });
  const { history, final } = story.end();
  await writeFile(join(folder, HISTORY_FILE), history.map((event) => `${JSON.stringify(event)}\n`).join(''));
  await writeFile(join(folder, FINAL_FILE), JSON.stringify(final));
  const drill = await readDrill(folder);
  expect(check(drill.history, drill.final!)).toEqual(check(history, final));
  expect(check(drill.history, drill.final!)).toMatchObject([{ rule: 'last-ok-counts' }]);
});

test('a drill that failed has no final state, and its history is read all the same', async () => {
  await writeFile(join(folder, HISTORY_FILE), '{"type":"note","at":1,"text":"one"}\n');
  expect(await readDrill(folder)).toEqual({ history: [{ type: 'note', at: 1, text: 'one' }] });
  await writeFile(join(folder, FINAL_FILE), '{');
  await expect(readDrill(folder)).rejects.toThrow('JSON');
});

test('a last line that breaks off is left out, and any other broken line is named', async () => {
  const file = join(folder, HISTORY_FILE);
  await writeFile(file, '{"type":"note","at":1,"text":"one"}\n{"type":"no');
  expect(await readHistory(file)).toEqual([{ type: 'note', at: 1, text: 'one' }]);
  await appendFile(file, '\n{"type":"note","at":2,"text":"two"}\n');
  await expect(readHistory(file)).rejects.toThrow(`${file}:2 is not JSON`);
});

test('a history that is not there is an error', async () => {
  await expect(readHistory(join(folder, 'none.jsonl'))).rejects.toThrow('ENOENT');
});
