import { setTimeout } from 'node:timers/promises';

/** Waits, but no longer than until the signal. @returns whether the time passed without the signal. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
