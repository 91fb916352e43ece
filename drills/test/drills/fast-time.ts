import { setImmediate as goOn } from 'node:timers/promises';
import type { Time } from '../../src/drills/time.ts';

/** A time in which nobody waits: it jumps to the next moment that is waited for, once nothing can happen before. */
export type FastTime = Time & {
  /** Lets it pass until some work is done. */
  during<T>(work: Promise<T>): Promise<T>;
};

export function createFastTime(): FastTime {
  let now = 0;
  const waiting: { until: number; wake: () => void }[] = [];
  return {
    now: () => now,
    wait: (ms) => new Promise<void>((wake) => waiting.push({ until: now + Math.max(0, ms), wake })),
    async during(work) {
      let isDone = false;
      const done = work.finally(() => {
        isDone = true;
      });
      done.catch(() => {});
      while (!isDone) {
        await goOn();
        waiting.sort((a, b) => a.until - b.until);
        const next = isDone ? undefined : waiting.shift();
        if (!next) continue;
        now = next.until;
        next.wake();
      }
      return done;
    },
  };
}
