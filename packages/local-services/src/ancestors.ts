import { commandOf, findProcess, isAlive, type ProcessRow } from './process-table.ts';

const FARTHEST = 4;

/** Our parent and its parents, up to the npm that runs us; the parent alone when there is no npm. */
export function findAncestors(): ProcessRow[] {
  const found: ProcessRow[] = [];
  for (let pid = process.ppid; pid > 1 && found.length < FARTHEST; ) {
    const row = findProcess(pid);
    if (!row) break;
    found.push(row);
    if (/\b(npm|pnpm|yarn)\b/.test(commandOf(pid)?.split(' ').slice(0, 2).join(' ') ?? '')) return found;
    pid = row.parent;
  }
  return found.slice(0, 1);
}

/**
 * Calls `gone` once when one of `ancestors` ends. A script that npm runs hears nothing when npm, or the shell
 * between them, is killed with SIGKILL: it would run on without a terminal. Returns what ends the watch.
 */
export function watchAncestors(
  ancestors: readonly ProcessRow[],
  gone: () => void,
  everyMs = 500,
): () => void {
  const timer = setInterval(() => {
    if (ancestors.every(isAlive)) return;
    clearInterval(timer);
    gone();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
