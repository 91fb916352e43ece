import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';

/**
 * RateLimiterMemory, but with no more than `most` keys: it keeps each until its window ends, and whoever sends from ever
 * new networks could fill the memory. The oldest goes first, whose window is the next to end; what was counted for it is
 * forgotten.
 */
export class BoundedMemory extends RateLimiterMemory {
  readonly #most: number;
  /** In the order in which their windows began. Those whose window has ended are still among them. */
  readonly #keys = new Set<string | number>();

  constructor(options: { points: number; duration: number }, most: number) {
    super(options);
    this.#most = most;
  }

  override async consume(key: string | number): Promise<RateLimiterRes> {
    return this.#note(key, await super.consume(key));
  }

  override async reward(key: string | number): Promise<RateLimiterRes> {
    return this.#note(key, await super.reward(key));
  }

  #note(key: string | number, result: RateLimiterRes): RateLimiterRes {
    if (!result.isFirstInDuration) return result;
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= this.#most) return result;
    const [oldest] = this.#keys;
    this.#keys.delete(oldest!);
    void this.delete(oldest!);
    return result;
  }
}
