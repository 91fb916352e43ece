import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/**
 * The guardian ends what this process has started when this process goes away without doing so itself,
 * `kill -9` included. It is a process in a session of its own that waits at the end of a pipe: the kernel
 * closes the pipe however we end, and no signal sent to us or to our terminal reaches it.
 *
 * Lines it understands: `+pid signal` (end this one, with this signal first), `-pid` (it is gone),
 * `~path` (delete this temporary directory when all is ended).
 */
let input: Writable | undefined;

/** The lines that hold now; told again should the guardian itself be killed. */
const told = new Set<string>();

/** Marks what we spawn, so that a process of which we had no time to tell is found all the same. */
const mark = randomUUID();

/** The environment variable that carries the mark; guardian-main looks for it. */
const MARK_VARIABLE = 'HBF_GUARDIAN';

function startGuardian(): Writable {
  // Tests of this package may run from the sources.
  const compiled = fileURLToPath(new URL('guardian-main.js', import.meta.url));
  const main = existsSync(compiled)
    ? compiled
    : fileURLToPath(new URL('../dist/guardian-main.js', import.meta.url));
  const child = spawn(process.execPath, [main, mark], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR },
  });
  child.on('error', () => {});
  // What is written to a guardian that was just killed is told to the next one.
  child.stdin.on('error', () => {});
  child.once('exit', () => {
    input = undefined;
    if (told.size > 0) tell([...told].join('\n'));
  });
  child.unref();
  (child.stdin as Writable & { unref(): void }).unref();
  return child.stdin;
}

function tell(line: string): void {
  input ??= startGuardian();
  input.write(`${line}\n`);
}

/**
 * Puts a process into the guardian's care: when this process ends, `signal` is sent to it, and SIGKILL after
 * ten seconds.
 */
export function guard(pid: number, signal: NodeJS.Signals = 'SIGTERM'): void {
  told.add(`+${pid} ${signal}`);
  tell(`+${pid} ${signal}`);
}

/** Takes a process out of the guardian's care, usually because it has ended. */
export function release(pid: number): void {
  for (const line of told) if (line.startsWith(`+${pid} `)) told.delete(line);
  if (input) tell(`-${pid}`);
}

/** Has a directory below the system's temporary directory deleted when this process ends. */
export function removeAtEnd(directory: string): void {
  told.add(`~${directory}`);
  tell(`~${directory}`);
}

/**
 * Spawns a process that will not outlive this one. It gets a session of its own, so that Ctrl-C in the
 * terminal reaches only us and we decide on the order in which things end.
 */
export function spawnGuarded(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { endSignal?: NodeJS.Signals } = {},
): ChildProcess {
  const { endSignal = 'SIGTERM', ...rest } = options;
  // Before the child, so that it is there whenever the child is.
  input ??= startGuardian();
  const child = spawn(command, args, {
    ...rest,
    detached: true,
    env: { ...(rest.env ?? process.env), [MARK_VARIABLE]: `${mark}:${endSignal}` },
  });
  const { pid } = child;
  if (pid !== undefined) {
    guard(pid, endSignal);
    child.once('exit', () => release(pid));
  }
  return child;
}
