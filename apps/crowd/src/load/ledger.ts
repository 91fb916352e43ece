import type { TallyReading } from '../services.ts';

/** A ballot as the ledger knows it. */
export type Entry = { voter: number; choice: string };

type Bound = { least: number; most: number };
/** Between which numbers the tally must have grown. */
export type Bounds = { options: ReadonlyMap<string, Readonly<Bound>>; turnout: Readonly<Bound> };

/**
 * What a crowd was told of its ballots, and what the tally may therefore show. For each voter it keeps the ballots that
 * may be the one that counts. As soon as a ballot is sent it is one of them. Once it is settled, accepted for so long
 * that it must be in the tally, those before it are none any more. One that was surely refused never was. Of one that
 * was not confirmed nobody knows: either may count, until a later one is settled.
 *
 * A voter's ballots must be sent one after the other, each when the one before was answered or given up.
 */
export type Ledger = {
  /** Before it is sent. */
  sent(voter: number, choice: string): Entry;
  accepted(entry: Entry, nowMs: number): void;
  refused(entry: Entry): void;
  /** Takes those for settled that were accepted until then; all, unless told. */
  settle(untilMs?: number): void;
  bounds(): Bounds;
};

export function createLedger(options: readonly string[]): Ledger {
  /** Undefined: that no ballot of the voter counts. */
  const possible = new Map<number, (Entry | undefined)[]>();
  const accepted: { entry: Entry; atMs: number }[] = [];
  let settled = 0;
  const bounds = {
    options: new Map(options.map((key) => [key, { least: 0, most: 0 }])),
    turnout: { least: 0, most: 0 },
  };

  const count = (voter: number, by: 1 | -1) => {
    const choices = new Set(possible.get(voter)?.map((entry) => entry?.choice) ?? [undefined]);
    for (const choice of choices) {
      if (choice === undefined) continue;
      const bound = bounds.options.get(choice)!;
      bound.most += by;
      if (choices.size === 1) bound.least += by;
    }
    if (!choices.has(undefined)) bounds.turnout.least += by;
    if (choices.size > 1 || !choices.has(undefined)) bounds.turnout.most += by;
  };
  const change = (voter: number, work: (entries: (Entry | undefined)[]) => (Entry | undefined)[]) => {
    count(voter, -1);
    possible.set(voter, work(possible.get(voter) ?? [undefined]));
    count(voter, 1);
  };

  return {
    sent(voter, choice) {
      const entry = { voter, choice };
      change(voter, (entries) => [...entries, entry]);
      return entry;
    },
    accepted: (entry, atMs) => void accepted.push({ entry, atMs }),
    refused: (entry) => change(entry.voter, (entries) => entries.filter((other) => other !== entry)),
    settle(untilMs = Number.POSITIVE_INFINITY) {
      for (; settled < accepted.length && accepted[settled]!.atMs <= untilMs; settled++) {
        const { entry } = accepted[settled]!;
        change(entry.voter, (entries) => entries.slice(Math.max(0, entries.indexOf(entry))));
      }
    },
    bounds: () => bounds,
  };
}

/**
 * By how many ballots the tally's growth is outside of its bounds: below 0 some are missing, above 0 some are too many,
 * 0: it is right. Where the results are hidden, or a count is not told, only the turnout is compared.
 * @param onlyMore the tally says itself that it may be behind.
 */
export function driftOf(bounds: Bounds, before: TallyReading, now: TallyReading, onlyMore = false): number {
  const outside = (grown: number, { least, most }: Readonly<Bound>) => ({
    missing: onlyMore ? 0 : Math.max(0, least - grown),
    more: Math.max(0, grown - most),
  });
  const all = now.options.flatMap(({ key, votes }) => {
    const earlier = before.options.find((option) => option.key === key)?.votes ?? null;
    const bound = bounds.options.get(key);
    return votes === null || earlier === null || !bound ? [] : [outside(votes - earlier, bound)];
  });
  const turnout = outside(now.turnout - before.turnout, bounds.turnout);
  const sum = (what: 'missing' | 'more') =>
    Math.max(
      turnout[what],
      all.reduce((total, one) => total + one[what], 0),
    );
  return sum('missing') > 0 ? -sum('missing') : sum('more');
}
