import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { findCommand } from '@hbf/local-services/find-command';

/** Why the size of a process's files cannot be limited here; undefined if it can. */
export function lacksFileLimit(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux can limit the files of a process that runs';
  return findCommand(['prlimit']) === undefined
    ? 'there is no prlimit here (Debian, Ubuntu: util-linux)'
    : undefined;
}

// The soft limit alone: to raise the hard one again takes root.
const setSoftLimit = (pid: number, limit: string) =>
  execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${limit}:`], { stdio: ['ignore', 'ignore', 'pipe'] });

/** From now on no file that the process writes may grow beyond the present size of `file` and `bytes` more. */
export function limitFileSize(pid: number, file: string, bytes: number): void {
  setSoftLimit(pid, String(statSync(file).size + bytes));
}

/** No error where the process is gone: the limit went with it. */
export function unlimitFileSize(pid: number): void {
  try {
    setSoftLimit(pid, 'unlimited');
  } catch (error) {
    if (!String((error as { stderr?: Buffer }).stderr).includes('No such process')) throw error;
  }
}
