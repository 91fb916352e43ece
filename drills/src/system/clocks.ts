import { spawnSync } from 'node:child_process';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, canInstall } from '@hbf/local-services/apt';
import type { AppName } from './system.ts';

export type ClockOwner = AppName | 'redis' | 'postgres';
const OWNERS: readonly ClockOwner[] = ['vote', 'worker', 'result', 'redis', 'postgres'];

const TRIAL_MS = 10_000;

/** Wall clocks that can be stepped while processes run, one for each part of a system. */
export type Clocks = {
  /** What the processes of a part are started with. */
  envOf(owner: ClockOwner): Record<string, string>;
  /** Steps clocks by so many ms from the true time. */
  step(ms: number, owners?: readonly ClockOwner[]): void;
};

function findLibrary(): string | undefined {
  const folders = readdirSync('/usr/lib', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /-linux-/.test(entry.name))
    .map(({ name }) => join('/usr/lib', name, 'faketime'));
  for (const folder of [...folders, '/usr/lib/faketime', '/usr/lib64/faketime']) {
    try {
      if (readdirSync(folder).includes('libfaketime.so.1')) return join(folder, 'libfaketime.so.1');
    } catch {
      // no such folder
    }
  }
  return undefined;
}

/** Finds libfaketime, or installs it where that is allowed; gives in words why there is none. */
function provideLibrary(): { library: string } | { reason: string } {
  if (process.platform !== 'linux') return { reason: 'clocks are stepped with libfaketime, on Linux only' };
  const found = findLibrary();
  if (found) return { library: found };
  if (!canInstall())
    return { reason: 'there is no libfaketime here (Debian, Ubuntu: apt install libfaketime)' };
  try {
    aptInstall(['libfaketime'], console.error);
  } catch (error) {
    return { reason: `libfaketime could not be installed: ${(error as Error).message}` };
  }
  const library = findLibrary();
  return library ? { library } : { reason: 'libfaketime was installed, and is nowhere to be found' };
}

/**
 * @param folder an empty folder that every user of the machine may enter: PostgreSQL may run as another one.
 * @param redis the program of Redis, which is tried out: how it was built decides whether it goes with libfaketime.
 * @returns the reason where clocks cannot be stepped here.
 */
export function createClocks(folder: string, redis: string): Clocks | { reason: string } {
  const provided = provideLibrary();
  if ('reason' in provided) return provided;
  const fileOf = (owner: ClockOwner) => join(folder, owner);
  const set = (owner: ClockOwner, ms: number) => {
    // Renamed into its place: whoever reads a half-written file would jump to another time.
    writeFileSync(`${fileOf(owner)}.new`, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1_000}\n`, { mode: 0o644 });
    renameSync(`${fileOf(owner)}.new`, fileOf(owner));
  };
  for (const owner of OWNERS) set(owner, 0);
  const envOf = (owner: ClockOwner) => ({
    // With jemalloc, which Redis is linked with, libfaketime calls itself without end: the C library's own then.
    LD_PRELOAD: owner === 'redis' ? `${provided.library}:libc.so.6` : provided.library,
    FAKETIME_TIMESTAMP_FILE: fileOf(owner),
    FAKETIME_NO_CACHE: '1',
    // A step of the wall clock leaves timers alone.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
    // Nothing is shared between the processes but the file.
    FAKETIME_DISABLE_SHM: '1',
  });
  const trial = spawnSync(redis, ['--version'], {
    env: { PATH: process.env.PATH, ...envOf('redis') },
    timeout: TRIAL_MS,
    killSignal: 'SIGKILL',
    stdio: 'ignore',
  });
  if (trial.status !== 0) return { reason: 'the Redis that is installed here does not run with libfaketime' };
  return {
    envOf,
    step(ms, owners = OWNERS) {
      for (const owner of owners) set(owner, ms);
    },
  };
}
