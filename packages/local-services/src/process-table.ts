import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One running process. `started` tells two processes apart that were given the same pid in turn. */
export interface ProcessRow {
  pid: number;
  parent: number;
  state: string;
  started: string;
}

/** Linux without `ps` (slim images lack it): the fields after the command's name, which may hold spaces. */
function readProc(pid: number): ProcessRow | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, state: fields[0] ?? '', parent: Number(fields[1]), started: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

function readPs(args: string[]): ProcessRow[] {
  let output: string;
  try {
    output = execFileSync('ps', [...args, '-o', 'pid=,ppid=,state=,lstart='], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return [];
  }
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [pid, parent, state, ...started] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), state: state ?? '', started: started.join(' ') };
    });
}

/** Looks a process up; undefined when there is none, or only its unreaped remains. */
export function findProcess(pid: number): ProcessRow | undefined {
  const row = process.platform === 'linux' ? readProc(pid) : readPs(['-p', String(pid)])[0];
  return row === undefined || row.state.startsWith('Z') ? undefined : row;
}

/** All the processes that can be seen. */
function allProcesses(): ProcessRow[] {
  if (process.platform !== 'linux') return readPs(['-A']);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProc(Number(name)))
    .filter((row) => row !== undefined);
}

/** The direct children of a process. */
export function childrenOf(pid: number): ProcessRow[] {
  return allProcesses().filter((row) => row.parent === pid && !row.state.startsWith('Z'));
}

/** Says whether exactly this process, not another one that got its pid since, still runs. */
export function isAlive(row: { pid: number; started: string }): boolean {
  return findProcess(row.pid)?.started === row.started;
}

/** The command line of a process, for people; undefined when it cannot be read. */
export function commandOf(pid: number): string | undefined {
  try {
    const line =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        : execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
    return line.trim() === '' ? undefined : line.trim();
  } catch {
    return undefined;
  }
}

/** Sends a signal to exactly this process; does nothing when it is gone. */
export function signalProcess(row: { pid: number; started: string }, signal: NodeJS.Signals): void {
  if (!isAlive(row)) return;
  try {
    process.kill(row.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
