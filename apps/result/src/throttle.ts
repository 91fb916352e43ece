/** Safe in a browser. Runs something at most once per gap, the first time at once, and once more after the last request. */
export type Throttle = { request(): void; stop(): void };

/** @param gapMs the shortest time between the starts of two runs. */
export function createThrottle(gapMs: number, run: () => void): Throttle {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  function request(): void {
    if (stopped || timer) return;
    const wait = last + gapMs - performance.now();
    // A timer may fire a little early: then this asks again for the rest.
    if (wait > 0) {
      timer = setTimeout(() => {
        timer = undefined;
        request();
      }, wait);
      return;
    }
    last = performance.now();
    run();
  }

  return {
    request,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
