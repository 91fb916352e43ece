import type { Random } from '../random.ts';

/** One visit of a voter, who casts a ballot. */
export type Arrival = {
  /** After the start. */
  atMs: number;
  /** From 0, in the order of their first visits. */
  voter: number;
  choice: string;
  /** Whether they get vote's page and afterwards result's, as browsers do, or vote's API alone. */
  byPage: boolean;
};

/** Whoever comes back is one of so many who came last: of those before nothing need be known any more. */
export const REMEMBERED = 10_000;

/**
 * The visits of an open crowd: they come as they come (Poisson, at `rate` a second), whether or not those before have
 * been answered. A closed crowd, in which each waits for its answer before the next comes, would ask a slow service less.
 *
 * @param plan.revotes the share of visits (0 to 1) that are made by somebody who has voted before.
 * @param plan.pages the share of visits by page.
 */
export function* planArrivals(
  plan: { rate: number; durationMs: number; revotes: number; pages: number; options: readonly string[] },
  random: Random,
): Generator<Arrival> {
  let voters = 0;
  let atMs = 0;
  for (;;) {
    atMs += (-Math.log(1 - random.fraction()) / plan.rate) * 1_000;
    if (atMs >= plan.durationMs) return;
    const comesBack = random.fraction() < plan.revotes && voters > 0;
    const voter = comesBack ? random.integer(Math.max(0, voters - REMEMBERED), voters - 1) : voters++;
    yield { atMs, voter, choice: random.pick(plan.options), byPage: random.fraction() < plan.pages };
  }
}
