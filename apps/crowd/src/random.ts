import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Choices that a seed repeats. */
export type Random = {
  /** From 0, included, to 1, excluded. */
  fraction(): number;
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number;
  pick<T>(from: readonly T[]): T;
};

export function createRandom(seed: string): Random {
  const generator = xoroshiro128plus(createHash('sha256').update(seed).digest().readInt32LE(0));
  const integer = (least: number, most: number) => uniformInt(generator, least, most);
  return {
    fraction: () => uniformFloat64(generator),
    integer,
    pick: (from) => from[integer(0, from.length - 1)]!,
  };
}
