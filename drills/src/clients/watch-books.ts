import { setTimeout as wait } from 'node:timers/promises';
import type { Recorder } from '../history/recorder.ts';
import type { System } from '../system/system.ts';
import { readPartitions } from './final-state.ts';

/**
 * Writes the books of every partition down, again and again. A read that fails is left out: PostgreSQL is away then.
 * @param everyMs how long it waits after each read.
 * @returns what ends it; a read that hangs is not waited for.
 */
export function watchBooks(
  options: { system: Pick<System, 'postgres'>; recorder: Recorder },
  everyMs = 1_000,
): () => void {
  const { system, recorder } = options;
  const ending = new AbortController();
  void (async () => {
    while (!ending.signal.aborted) {
      const since = recorder.now();
      const partitions = await readPartitions(system).catch(() => undefined);
      if (partitions && !ending.signal.aborted) recorder.record({ type: 'books', since, partitions });
      await wait(everyMs, undefined, { signal: ending.signal }).catch(() => {});
    }
  })();
  return () => ending.abort();
}
