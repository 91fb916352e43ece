import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

/** A file system of its own, in memory, that can be filled. */
export type SmallDisk = {
  readonly path: string;
  /** Leaves not one free byte; what others free is filled again, until `free`. */
  fill(): void;
  free(): void;
  close(): Promise<void>;
};

const MEGABYTES = 256;
const FILL_AGAIN_MS = 50;

/** Writes until there is no space for a single byte more. */
function writeUntilFull(file: string): void {
  const output = openSync(file, 'a');
  try {
    for (let size = 1024 * 1024; size >= 1; ) {
      try {
        // A write that finds too little space may succeed in part.
        writeSync(output, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
    }
    fsyncSync(output);
  } finally {
    closeSync(output);
  }
}

/**
 * Mounts one, which takes root. It is unmounted by a process that waits for the end of ours, however we end.
 * @returns the reason where that cannot be done here.
 */
export function mountSmallDisk(path: string): SmallDisk | { reason: string } {
  if (process.platform !== 'linux') return { reason: 'a small disk is mounted on Linux only' };
  if (process.getuid?.() !== 0) return { reason: 'only root can mount a small disk to be filled' };
  mkdirSync(path, { mode: 0o755 });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m,mode=0755`, 'hbf-drills', path], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer };
    return { reason: `a small disk could not be mounted: ${String(stderr ?? message).trim()}` };
  }
  const unmounter = spawn('sh', ['-c', 'cat >/dev/null; exec umount -l "$1"', 'sh', path], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  unmounter.unref();
  const lifeline = unmounter.stdin as Writable & { unref(): void };
  lifeline.on('error', () => {});
  lifeline.unref();
  const file = join(path, 'filling');
  let refilling: NodeJS.Timeout | undefined;
  return {
    path,
    fill() {
      clearInterval(refilling);
      writeUntilFull(file);
      refilling = setInterval(() => writeUntilFull(file), FILL_AGAIN_MS);
      refilling.unref();
    },
    free() {
      clearInterval(refilling);
      rmSync(file, { force: true });
    },
    async close() {
      clearInterval(refilling);
      if (unmounter.exitCode !== null || unmounter.signalCode !== null) return;
      const gone = once(unmounter, 'exit');
      lifeline.end();
      await gone;
    },
  };
}
