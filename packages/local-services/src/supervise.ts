import { setTimeout as wait } from 'node:timers/promises';
import { describeExit, type Exit } from './managed-process.ts';

/** Something that runs as a process and can be started again. */
export interface Unit {
  readonly name: string;
  readonly running: boolean;
  /** Throws when it cannot be started. */
  start(): Promise<void>;
  onExit(listener: (exit: Exit) => void): () => void;
}

export interface Supervision {
  /** No restart from here on; resolves when one that was under way has come to its end. */
  end(): Promise<void>;
  /** Rejects when the unit is given up; never resolves. */
  failed: Promise<never>;
}

/** A life shorter than this is a sign that the next one will be no longer. */
const SHORT_LIFE_MS = 10_000;
const MOST_SHORT_LIVES = 5;
const FIRST_DELAY_MS = 200;

/** Starts a unit again whenever it ends, each time later, until it has ended five times in a row too soon. */
export function supervise(unit: Unit, say: (line: string) => void): Supervision {
  const ending = new AbortController();
  let wake = () => {};
  let lastExit: Exit | undefined;
  const off = unit.onExit((exit) => {
    lastExit = exit;
    wake();
  });

  const watch = async () => {
    let shortLives = 0;
    let began = Date.now();
    while (!ending.signal.aborted) {
      if (unit.running) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const reason = lastExit ? describeExit(lastExit) : 'it did not come up';
      shortLives = Date.now() - began < SHORT_LIFE_MS ? shortLives + 1 : 1;
      if (shortLives >= MOST_SHORT_LIVES) throw new Error(`${unit.name} does not stay up (${reason})`);
      const delay = FIRST_DELAY_MS * 2 ** (shortLives - 1);
      say(`${unit.name} ended (${reason}); starting it again in ${delay / 1000} s`);
      await wait(delay, undefined, { signal: ending.signal }).catch(() => {});
      if (ending.signal.aborted) break;
      began = Date.now();
      lastExit = undefined;
      await unit.start().catch((error: Error) => {
        if (!ending.signal.aborted) say(`${unit.name} could not be started: ${error.message}`);
      });
    }
  };

  const watching = watch();
  const failed = new Promise<never>((_, reject) => watching.catch(reject));
  // Whoever waits for it hears of it; nobody has to.
  failed.catch(() => {});
  return {
    failed,
    async end() {
      ending.abort();
      off();
      wake();
      await watching.catch(() => {});
    },
  };
}
