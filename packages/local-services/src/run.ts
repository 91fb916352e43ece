import { RotatingLog } from './rotating-log.ts';
import type { RunLock } from './run-lock.ts';
import { supervise, type Unit } from './supervise.ts';

/** How a run speaks to people. */
export interface Terminal {
  say(line: string): void;
  /** Says what is being done, does it, and says how long it took. */
  step<T>(what: string, run: () => Promise<T>): Promise<T>;
}

/** Thrown to leave what is under way when the run was told to stop. */
export class Stopped extends Error {}

/** Something that ends cleanly by `stop`, and at once by `hurry`. Both may be called at any moment. */
export interface Stoppable {
  readonly name: string;
  stop(): Promise<void>;
  hurry(): void;
}

/** What one run has started, and how all of it ends. */
export class Run {
  readonly terminal: Terminal;
  readonly lock: RunLock;
  readonly #stopping = new AbortController();
  readonly #started: Stoppable[] = [];
  readonly #logs: RotatingLog[] = [];
  readonly #failures: Promise<never>[] = [];

  constructor(terminal: Terminal, lock: RunLock) {
    this.terminal = terminal;
    this.lock = lock;
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Has everything that waits leave with Stopped, and nothing be started any more. */
  requestStop(): void {
    this.#stopping.abort();
  }

  /** Ends at once what is being stopped cleanly. */
  hurry(): void {
    for (const each of this.#started) each.hurry();
  }

  /** Opens a log file that is closed with the run. */
  openLog(path: string): RotatingLog {
    const log = new RotatingLog(path);
    this.#logs.push(log);
    return log;
  }

  /** Has `each` stopped at the end of the run, before all that was added earlier. */
  add(each: Stoppable): void {
    this.#started.push(each);
  }

  /**
   * Has a unit that was just started be restarted whenever it ends. When it is given up, what waits fails
   * with an error that ends with `lastWords`.
   */
  keepUp(unit: Unit, lastWords: () => string): void {
    const { failed, end } = supervise(unit, (line) => this.terminal.say(`! ${line}`));
    const failure = failed.catch((error: Error) => {
      throw new Error(`${error.message}. ${lastWords()}`);
    });
    failure.catch(() => {});
    this.#failures.push(failure);
    this.stopping.addEventListener('abort', () => void end(), { once: true });
  }

  /** Waits for `work`, unless the run is told to stop or something is given up before. */
  async until<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    let leave = () => {};
    const stopped = new Promise<never>((_, reject) => {
      leave = () => reject(new Stopped());
    });
    if (this.stopping.aborted) leave();
    this.stopping.addEventListener('abort', leave, { once: true });
    return Promise.race([stopped, ...this.#failures, work]).finally(() =>
      this.stopping.removeEventListener('abort', leave),
    );
  }

  /** Stops everything, the last started first, each even when another fails. */
  async end(): Promise<void> {
    this.requestStop();
    for (const each of this.#started.toReversed()) {
      try {
        await each.stop();
      } catch (error) {
        this.terminal.say(`! ${each.name} did not stop cleanly: ${(error as Error).message}`);
      }
    }
    for (const log of this.#logs) log.close();
  }
}
