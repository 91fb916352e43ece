import type { TallySnapshot } from '@hbf/ballot-store/read-tallies';
import type { Tally } from '@hbf/contracts/tally';
import type { Logger } from '@hbf/service-kit/logger';
import { type TakenSnapshot, takeSnapshot } from './taken-snapshot.ts';
import { tallyAt } from './tally-at.ts';
import { createThrottle } from './throttle.ts';

/** How often the tallies are read without a hint (ms): finds what no notification told, heartbeats among it. */
const READ_EVERY_MS = 1_000;
/** The shortest time between the starts of two reads (ms): fewer than 20 a second, however many hints come. */
const READ_GAP_MS = 55;

export type ReadListener = (taken: TakenSnapshot, previous: TakenSnapshot | undefined) => void;

/** The last tallies that could be read, and how old they are by now. */
export type TallyFeed = {
  /** In their order, as of the last read; undefined before the first. */
  polls(): { key: string; question: string }[] | undefined;
  /** The tally of a poll at this moment; undefined if there is no such poll or nothing was read yet. */
  tally(poll: string): Tally | undefined;
  /** Calls back after each successful read. */
  onRead(listener: ReadListener): void;
};

/**
 * Keeps the last snapshot of all tallies, and goes on telling it, with its age, while the store is away.
 * @param deps.read reads all tallies. It may fail, and must end by itself: while it hangs nothing else is read.
 * @returns the feed; `hint` says that something changed (read soon, once for all hints that come meanwhile), `start`
 *   reads now, at each hint and every second.
 */
export function createTallyFeed(deps: {
  read: () => Promise<TallySnapshot>;
  log: Pick<Logger, 'info' | 'warn'>;
}): TallyFeed & { hint(): void; start(): void; stop(): void } {
  const listeners: ReadListener[] = [];
  let taken: TakenSnapshot | undefined;
  let stopped = false;
  let failing = false;
  let reading = false;
  let wanted = false;
  let everySecond: NodeJS.Timeout | undefined;
  const throttle = createThrottle(READ_GAP_MS, () => void read());

  function hint(): void {
    // What a hint tells of may be missing from a read that is under way.
    if (reading) wanted = true;
    else throttle.request();
  }

  async function read(): Promise<void> {
    reading = true;
    wanted = false;
    const startedAt = performance.now();
    const outcome = await deps.read().then(
      (snapshot) => ({ snapshot }),
      (error: unknown) => ({ error }),
    );
    reading = false;
    if (stopped) return;
    if (wanted) throttle.request();
    if ('error' in outcome) {
      if (!failing)
        deps.log.warn({ err: outcome.error }, 'PostgreSQL cannot be read: telling the last tally');
      failing = true;
      return;
    }
    if (failing) deps.log.info('PostgreSQL can be read again');
    failing = false;
    const previous = taken;
    taken = takeSnapshot({ snapshot: outcome.snapshot, startedAt, finishedAt: performance.now() }, previous);
    for (const listener of listeners) listener(taken, previous);
  }

  return {
    polls: () => taken?.snapshot.polls.map(({ poll }) => ({ key: poll.key, question: poll.question })),
    tally(key) {
      const kept = taken?.snapshot.polls.find(({ poll }) => poll.key === key);
      return kept && tallyAt(taken!, kept, performance.now());
    },
    onRead: (listener) => listeners.push(listener),
    hint,
    start() {
      everySecond ??= setInterval(hint, READ_EVERY_MS);
      hint();
    },
    stop() {
      stopped = true;
      clearInterval(everySecond);
      throttle.stop();
    },
  };
}
