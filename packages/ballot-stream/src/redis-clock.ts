// A sample may be trusted for this long: two clocks drift apart by far less than a millisecond meanwhile.
const WINDOW_MS = 5_000;
// No reply is this late: a sample that is lower by more says that Redis's clock was set back.
const STEP_MS = 2_000;

/** Redis's clock as known from its replies, read with our own monotonic clock, which no step of the time moves. */
export type RedisClock = {
  /** Takes in the time (ms) that a reply carried. */
  learn(redisNow: number): void;
  /**
   * Redis's time now, in ms, undefined at first: behind it by the shortest way of a recent reply. Ahead of it only for
   * some seconds, after Redis's clock was set back by less than two.
   */
  now(): number | undefined;
  /** Forgets everything: for a new connection, perhaps to another server. */
  reset(): void;
};

/** @param monotonic our own clock in ms, for tests. */
export function createRedisClock(monotonic: () => number = () => performance.now()): RedisClock {
  // Each sample is a lower bound of the true offset, too low by as much as the reply was late. So the highest one is
  // the best; the newest, after a slow reply, would give the next append a deadline that has passed already.
  let current = Number.NEGATIVE_INFINITY;
  let previous = Number.NEGATIVE_INFINITY;
  let since = monotonic();
  const reset = () => {
    current = Number.NEGATIVE_INFINITY;
    previous = Number.NEGATIVE_INFINITY;
    since = monotonic();
  };
  return {
    reset,
    learn(redisNow) {
      const received = monotonic();
      const sample = redisNow - received;
      if (sample < Math.max(current, previous) - STEP_MS) reset();
      if (received - since > WINDOW_MS) {
        previous = current;
        current = sample;
        since = received;
      } else {
        current = Math.max(current, sample);
      }
    },
    now() {
      const offset = Math.max(current, previous);
      return Number.isFinite(offset) ? Math.floor(monotonic() + offset) : undefined;
    },
  };
}
