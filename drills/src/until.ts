import { setTimeout as wait } from 'node:timers/promises';

/**
 * Waits until `probe` gives something other than undefined, null or false, and returns that.
 * @throws when `timeoutMs` have passed: with `what` was waited for, and the last error of the probe if it threw.
 */
export async function until<T>(
  what: string | (() => string),
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  timeoutMs = 20_000,
  everyMs = 25,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const found = await probe();
      if (found !== undefined && found !== null && found !== false) return found;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      const text = typeof what === 'string' ? what : what();
      throw new Error(`waited ${timeoutMs} ms in vain until ${text}`, { cause: failure });
    }
    await wait(everyMs);
  }
}
