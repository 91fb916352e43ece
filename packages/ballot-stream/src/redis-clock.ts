/** Redis's clock as known from its replies, read with our own monotonic clock, which no step of the time moves. */
export type RedisClock = {
  /** Takes in the time (ms) that a reply carried. */
  learn(redisNow: number): void;
  /** Redis's time now, in ms: at most the network's delay behind. Undefined before the first reply. */
  now(): number | undefined;
};

export function createRedisClock(): RedisClock {
  let offset: number | undefined;
  return {
    learn(redisNow) {
      offset = redisNow - performance.now();
    },
    now() {
      return offset === undefined ? undefined : Math.floor(performance.now() + offset);
    },
  };
}
