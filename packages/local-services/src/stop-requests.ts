import { findAncestors, watchAncestors } from './ancestors.ts';

/** npm passes on the Ctrl-C that the terminal has sent to us as well: that is not a second one. */
const SAME_REQUEST_MS = 1_000;

/**
 * Calls `stop` when this process is told to end (SIGINT, SIGTERM, SIGHUP) or when the npm that runs it is
 * gone, and `hurry` when it is told so again. Returns what ends the listening.
 */
export function onStopRequest(stop: (why: string) => void, hurry: () => void, underNpm: boolean): () => void {
  let first: number | undefined;
  const request = (why: string) => {
    if (first === undefined) {
      first = Date.now();
      stop(why);
    } else if (Date.now() - first > SAME_REQUEST_MS) {
      hurry();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, request);
  const unwatch = underNpm ? watchAncestors(findAncestors(), () => request('npm is gone')) : () => {};
  return () => {
    unwatch();
    for (const signal of signals) process.off(signal, request);
  };
}
