import type { TallyReading } from './services.ts';

/** How the growth of a tally compares with the ballots that were cast. */
export type Growth = {
  /** `more`: nothing is missing, but somebody else voted too. `less`: something is missing. */
  verdict: 'exact' | 'more' | 'less';
  /** One line for each count that is not as expected. */
  differences: string[];
};

/**
 * @param cast the accepted ballots of as many new voters, for each option.
 * Where the results are hidden until the close, only the turnout can be compared.
 */
export function compareGrowth(
  before: TallyReading,
  after: TallyReading,
  cast: ReadonlyMap<string, number>,
): Growth {
  const counts = after.options.map((option) => {
    const earlier = before.options.find(({ key }) => key === option.key);
    const grown =
      option.votes === null || !earlier || earlier.votes === null ? null : option.votes - earlier.votes;
    return { what: `${option.label} (${option.key})`, grown, expected: cast.get(option.key) ?? 0 };
  });
  const voters = [...cast.values()].reduce((sum, count) => sum + count, 0);
  counts.push({ what: 'turnout', grown: after.turnout - before.turnout, expected: voters });

  let verdict: Growth['verdict'] = 'exact';
  const differences: string[] = [];
  for (const { what, grown, expected } of counts) {
    if (grown === null || grown === expected) continue;
    differences.push(`${what} grew by ${grown} and not by ${expected}`);
    if (grown < expected) verdict = 'less';
    else if (verdict === 'exact') verdict = 'more';
  }
  return { verdict, differences };
}

/** Whether every ballot that was accepted before is in the tally. */
export function isSettled(tally: TallyReading): boolean {
  return tally.status === 'live' && tally.queued === 0;
}
