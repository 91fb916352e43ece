import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { findProcess, isAlive, signalProcess } from './process-table.ts';

interface Entry {
  name: string;
  pid: number;
  started: string;
  signal: NodeJS.Signals;
}

interface Content {
  owner: Entry;
  children: Entry[];
}

/** The claim of one run on a folder. The file tells of every process of the run. */
export interface RunLock {
  /** Notes a process that this run has started, in place of an earlier one of that name. */
  record(name: string, pid: number, signal: NodeJS.Signals): void;
  release(): void;
}

const LEFTOVERS_DEADLINE_MS = 15_000;

function read(path: string): Content | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Content;
  } catch {
    return undefined;
  }
}

function entryOf(name: string, pid: number, signal: NodeJS.Signals): Entry {
  return { name, pid, started: findProcess(pid)?.started ?? '', signal };
}

/** Ends what a run that was killed has left; usually its guardian is about to do the same. */
async function endLeftovers(children: readonly Entry[], say: (line: string) => void): Promise<void> {
  const living = children.filter(isAlive);
  if (living.length === 0) return;
  say(
    `Ending what an earlier run left behind: ${living.map(({ name, pid }) => `${name} (${pid})`).join(', ')}`,
  );
  for (const child of living) {
    signalProcess(child, child.signal);
    signalProcess(child, 'SIGCONT');
  }
  const deadline = Date.now() + LEFTOVERS_DEADLINE_MS;
  while (living.some(isAlive)) {
    if (Date.now() > deadline) for (const child of living) signalProcess(child, 'SIGKILL');
    await wait(50);
  }
}

/**
 * Claims a folder for this process through the file `path`. A claim of a process that is gone is taken over,
 * after ending what that run has left. Throws when another run holds it.
 */
export async function takeRunLock(path: string, say: (line: string) => void): Promise<RunLock> {
  const content: Content = { owner: entryOf('npm start', process.pid, 'SIGTERM'), children: [] };
  const text = () => JSON.stringify(content, undefined, 2);
  for (;;) {
    try {
      writeFileSync(path, text(), { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const other = read(path);
    if (other && isAlive(other.owner)) {
      const { pid } = other.owner;
      throw new Error(
        `It is running already, as process ${pid}. Stop that one first: Ctrl-C there, or kill ${pid}`,
      );
    }
    if (other) await endLeftovers(other.children, say);
    rmSync(path, { force: true });
  }
  return {
    record(name, pid, signal) {
      content.children = content.children.filter((child) => child.name !== name);
      content.children.push(entryOf(name, pid, signal));
      // Whole or not at all: half a file would hide the run from the next one.
      writeFileSync(`${path}.new`, text(), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
    release() {
      if (read(path)?.owner.pid === process.pid) rmSync(path, { force: true });
    },
  };
}
