/**
 * For every test file: `vi.waitFor` and `vi.waitUntil` give up after a second unless told otherwise, which a busy machine
 * may take for anything. Whoever waits longer for what comes loses nothing.
 */
import { inject, vi } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    patienceMs: number;
  }
}

const { waitFor, waitUntil } = vi;
const timeout = inject('patienceMs');

vi.waitFor = (probe, options) => waitFor(probe, patient(options));
vi.waitUntil = (probe, options) => waitUntil(probe, patient(options));

function patient(options: number | { timeout?: number; interval?: number } = {}) {
  return typeof options === 'number' ? options : { timeout, ...options };
}
