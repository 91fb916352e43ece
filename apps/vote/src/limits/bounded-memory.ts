import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';

/**
 * RateLimiterMemory, but with no more than `most` keys: it keeps each until its window ends, and whoever sends from ever
 * new networks could fill the memory. The oldest goes first, whose window is the next to end; what was counted for it is
 * forgotten. Whose window has ended is forgotten too, name and all, though nobody sends any more.
 */
export class BoundedMemory extends RateLimiterMemory {
  readonly #most: number;
  /** When each key's window ends (ms), in the order in which they began, which is that in which they end. */
  readonly #ends = new Map<string | number, number>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: { points: number; duration: number }, most: number) {
    super(options);
    this.#most = most;
  }

  /** How many keys are held. */
  get size(): number {
    return this.#ends.size;
  }

  override async consume(key: string | number): Promise<RateLimiterRes> {
    return this.#note(key, await super.consume(key));
  }

  override async reward(key: string | number): Promise<RateLimiterRes> {
    return this.#note(key, await super.reward(key));
  }

  #note(key: string | number, result: RateLimiterRes): RateLimiterRes {
    if (!result.isFirstInDuration) return result;
    this.#ends.delete(key);
    this.#ends.set(key, performance.now() + this.duration * 1_000);
    if (this.#ends.size > this.#most) {
      const [oldest] = this.#ends.keys();
      this.#ends.delete(oldest!);
      void this.delete(oldest!);
    }
    if (!this.#sweeper) this.#sweep();
    return result;
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const now = performance.now();
    for (const [key, end] of this.#ends) {
      if (end > now) {
        this.#sweeper = setTimeout(() => this.#sweep(), end - now).unref();
        return;
      }
      // What RateLimiterMemory holds of it, its own timer deletes.
      this.#ends.delete(key);
    }
  }
}
