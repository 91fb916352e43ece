import { setTimeout as wait } from 'node:timers/promises';

/** What passes while the nemesis waits. A test gives it another that runs faster. */
export type Time = {
  /** In milliseconds, never going back. */
  now(): number;
  wait(ms: number): Promise<unknown>;
};

export const REAL_TIME: Time = { now: () => performance.now(), wait: (ms) => wait(ms) };
