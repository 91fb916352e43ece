import type { Recorder } from '../history/recorder.ts';

const LOOK_EVERY_MS = 200;
/** No rule is so strict that it would blame the services for less (ms). */
const STANDS_STILL_MS = 1_000;

/**
 * Writes down when this process itself stood still for a second or longer, as on a machine that is too busy.
 * @returns what ends it.
 */
export function watchStandstill(recorder: Recorder): () => void {
  let looked = performance.now();
  const looking = setInterval(() => {
    const now = performance.now();
    const ms = Math.round(now - looked - LOOK_EVERY_MS);
    looked = now;
    if (ms >= STANDS_STILL_MS) recorder.record({ type: 'standstill', ms });
  }, LOOK_EVERY_MS);
  return () => clearInterval(looking);
}
