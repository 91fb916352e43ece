import type { TallyReading } from '../services.ts';
import type { Bounds } from './ledger.ts';

/** By how many ballots a tally's growth is outside of the ledger's bounds; both 0: it is right. */
export type Difference = {
  missing: number;
  /** Too many: somebody else votes there, or something was counted twice. */
  more: number;
};

/**
 * Where the results are hidden, or a count is not told, only the turnout is compared.
 * @param onlyMore the tally says itself that it may be behind.
 */
export function compareTally(
  bounds: Bounds,
  before: TallyReading,
  now: TallyReading,
  onlyMore = false,
): Difference {
  const outside = (grown: number, { least, most }: Bounds['turnout']): Difference => ({
    missing: onlyMore ? 0 : Math.max(0, least - grown),
    more: Math.max(0, grown - most),
  });
  const all = now.options.flatMap(({ key, votes }) => {
    const earlier = before.options.find((option) => option.key === key)?.votes ?? null;
    const bound = bounds.options.get(key);
    return votes === null || earlier === null || !bound ? [] : [outside(votes - earlier, bound)];
  });
  const turnout = outside(now.turnout - before.turnout, bounds.turnout);
  const sum = (what: keyof Difference) =>
    Math.max(
      turnout[what],
      all.reduce((total, one) => total + one[what], 0),
    );
  return { missing: sum('missing'), more: sum('more') };
}

/** In one number: below 0 some are missing, above 0 there are only too many. */
export function driftOf({ missing, more }: Difference): number {
  return missing > 0 ? -missing : more;
}

/** What a person should know of a difference; nothing where there is none. */
export function describeDifference({ missing, more }: Difference): string | undefined {
  if (missing > 0 && more > 0) {
    return (
      `MISSING at one place: ${missing} ballots, and at another ${more} too many. Ballots went over, or somebody who had ` +
      'voted here before changed their mind.'
    );
  }
  if (missing > 0) return `MISSING: ${missing} ballots that were accepted are not in the tally.`;
  if (more > 0) {
    return (
      `MORE than this crowd cast: ${more} ballots. Somebody else votes here: a hand, another crowd. Only where that is ` +
      'sure not to be, something was counted twice.'
    );
  }
  return undefined;
}
