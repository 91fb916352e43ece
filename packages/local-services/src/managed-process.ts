import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { spawnGuarded } from './guardian.ts';

/** In words, as in "exit code 1". */
export const describeExit = (exit: Pick<Exit, 'code' | 'signal'>) =>
  exit.signal === null ? `exit code ${exit.code}` : `killed by ${exit.signal}`;

/** How a process ended, and whether we had asked for it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  expected: boolean;
}

export type ExitListener = (exit: Exit) => void;

export interface ProcessPlan extends Pick<SpawnOptions, 'cwd' | 'uid' | 'gid'> {
  /** For people, as in "Redis". */
  name: string;
  command: string;
  args: readonly string[];
  /** What ends it cleanly. */
  endSignal: NodeJS.Signals;
  /** Omitted: ours. */
  env?: NodeJS.ProcessEnv | undefined;
  onLog?: ((line: string, stream: 'stdout' | 'stderr') => void) | undefined;
}

/** Says whether a server ends at this signal. */
export const isFatal = (signal: NodeJS.Signals) =>
  !['SIGSTOP', 'SIGCONT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'].includes(signal);

const REMEMBERED_LINES = 30;
const OUTPUT_DEADLINE_MS = 300;
const STOP_DEADLINE_MS = 20_000;

/** One child process after another of the same plan, in the guardian's care. */
export class ManagedProcess {
  readonly name: string;
  readonly #plan: ProcessPlan;
  readonly #listeners = new Set<ExitListener>();
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #expected = false;
  #lines: string[] = [];

  constructor(plan: ProcessPlan) {
    this.name = plan.name;
    this.#plan = plan;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The pid of the running process. Throws when there is none. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.name} is not running`);
    return pid;
  }

  /** The last lines that it wrote, for the message of an error. */
  get lastLines(): string {
    return this.#lines.join('\n');
  }

  /** Spawns it. Says nothing about whether it works yet. Throws when it is running already. */
  async launch(): Promise<void> {
    if (this.#child) throw new Error(`${this.name} is running already`);
    const { command, args, cwd, env, uid, gid, endSignal } = this.#plan;
    this.#lines = [];
    this.#expected = false;
    const child = spawnGuarded(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      endSignal,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    for (const name of ['stdout', 'stderr'] as const) {
      const input = child[name];
      if (input) createInterface({ input }).on('line', (line) => this.#remember(line, name));
    }
    this.#child = child;
    const closed = new Promise((resolve) => child.once('close', resolve));
    this.#gone = new Promise((resolve) => {
      child.once('error', () => {
        // Without a pid it was never there; otherwise a signal could not be sent.
        if (child.pid !== undefined) return;
        this.#child = undefined;
        resolve();
      });
      child.once('exit', async (code, signal) => {
        // What it said last is still on its way; a child of its own may hold the pipe open for longer.
        await Promise.race([closed, wait(OUTPUT_DEADLINE_MS)]);
        this.#child = undefined;
        const exit = { code, signal, expected: this.#expected };
        resolve();
        for (const listener of this.#listeners) listener(exit);
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`${this.name} could not be run: ${error.message}`)));
    });
  }

  #remember(line: string, stream: 'stdout' | 'stderr'): void {
    this.#lines.push(line);
    if (this.#lines.length > REMEMBERED_LINES) this.#lines.shift();
    this.#plan.onLog?.(line, stream);
  }

  /** Calls `listener` at each exit; returns the function that takes it off again. */
  onExit(listener: ExitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the process is gone; at once when none runs. */
  gone(): Promise<void> {
    return this.#gone;
  }

  /** Sends a signal; no error when nothing runs. The exit that follows counts as expected. */
  signal(signal: NodeJS.Signals): void {
    if (isFatal(signal)) this.#expected = true;
    this.#child?.kill(signal);
  }

  /** Ends it with `signal`, or with SIGKILL when that takes longer than 20 s; resolves when it is gone. */
  async end(signal: NodeJS.Signals = this.#plan.endSignal): Promise<void> {
    this.signal(signal);
    // A stopped process would never see the signal.
    this.signal('SIGCONT');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_DEADLINE_MS);
    await this.gone();
    clearTimeout(timer);
  }

  /**
   * Launches it and waits until `ready` gives true. When the process ends before that, or when `timeoutMs`
   * have passed, it ends it and throws with the last lines of its output.
   */
  async launchUntil(ready: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    await this.launch();
    try {
      await this.#until(ready, timeoutMs);
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  async #until(ready: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (!this.running) throw new Error(`${this.name} ended while starting:\n${this.lastLines}`);
      if (await ready()) return;
      if (Date.now() > deadline) {
        throw new Error(`${this.name} was not ready after ${timeoutMs / 1000} s:\n${this.lastLines}`);
      }
      await wait(20);
    }
  }
}
