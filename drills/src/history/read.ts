import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { FinalState, HistoryEvent } from './events.ts';

/** The files of a drill's folder that it can be checked from again. */
export const HISTORY_FILE = 'history.jsonl';
export const FINAL_FILE = 'final.json';

/**
 * Reads a history back from a file of JSON lines. A last line that breaks off is left out: the drill was killed while it
 * wrote it, and a ballot without an answer is unknown anyway.
 * @throws if there is no such file, or any other line is not JSON; the message names the line.
 */
export async function readHistory(file: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let broken: { line: number; error: unknown } | undefined;
  let line = 0;
  for await (const text of createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    line += 1;
    if (text === '') continue;
    if (broken) break;
    try {
      events.push(JSON.parse(text) as HistoryEvent);
    } catch (error) {
      broken = { line, error };
    }
  }
  if (broken && broken.line < line)
    throw new Error(`${file}:${broken.line} is not JSON`, { cause: broken.error });
  return events;
}

/**
 * Reads what a drill is checked from, from its folder. The final state is missing if the drill did not come so far.
 * @throws if there is no history, or a file is broken.
 */
export async function readDrill(folder: string): Promise<{ history: HistoryEvent[]; final?: FinalState }> {
  const history = await readHistory(join(folder, HISTORY_FILE));
  let text: string;
  try {
    text = await readFile(join(folder, FINAL_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { history };
    throw error;
  }
  return { history, final: JSON.parse(text) as FinalState };
}
