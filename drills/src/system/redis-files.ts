import { cpSync, existsSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** The append-only file that a Redis writes to now: of those in its folder, the one with the highest number. */
export function newestFile(dataDir: string): string {
  const folder = join(dataDir, 'appendonlydir');
  const number = (name: string) => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? Number.NaN);
  const [newest] = readdirSync(folder)
    .filter((name) => !Number.isNaN(number(name)))
    .sort((a, b) => number(b) - number(a));
  if (newest === undefined) throw new Error(`${folder} holds no append-only file`);
  return join(folder, newest);
}

/**
 * Cuts the last bytes off, as a disk does that did not keep what it said it had written. Redis takes such a file as
 * it is (aof-load-truncated, on by default): it loads all the commands that are still whole.
 */
export function cutTail(file: string, bytes: number): void {
  truncateSync(file, Math.max(0, statSync(file).size - bytes));
}

export function keepFiles(dataDir: string, copyDir: string): void {
  rmSync(copyDir, { recursive: true, force: true });
  cpSync(dataDir, copyDir, { recursive: true });
}

export function putFilesBack(copyDir: string, dataDir: string): void {
  if (!existsSync(copyDir)) throw new Error('there is no copy of the files of Redis to go back to');
  // The folder itself stays: it may belong to another user, or be what a server was started in.
  for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true });
  cpSync(copyDir, dataDir, { recursive: true });
}
