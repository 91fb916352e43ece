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
 *
 * It grows with the voters who may come back and with what was accepted in the last seconds, not with all who came.
 */
export type Ledger = {
  /** Before it is sent. */
  sent(voter: number, choice: string): Entry;
  accepted(entry: Entry, nowMs: number): void;
  refused(entry: Entry): void;
  /** The voter casts no more: once all that was accepted of them is settled, what may count of them is for good. */
  forget(voter: number, nowMs: number): void;
  /** Takes those for settled that were accepted until then; all, unless told. */
  settle(untilMs?: number): void;
  bounds(): Bounds;
  /** Of how many it still keeps anything. */
  readonly voters: number;
};

export function createLedger(options: readonly string[]): Ledger {
  /** Undefined: that no ballot of the voter counts. */
  const possible = new Map<number, (Entry | undefined)[]>();
  /** What is to be done when what was accepted before is settled, in this order. */
  const waiting: { atMs: number; settle(): void }[] = [];
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
    accepted(entry, atMs) {
      const settle = () =>
        change(entry.voter, (entries) => entries.slice(Math.max(0, entries.indexOf(entry))));
      waiting.push({ atMs, settle });
    },
    refused: (entry) => change(entry.voter, (entries) => entries.filter((other) => other !== entry)),
    // The bounds stay as they are.
    forget: (voter, atMs) => void waiting.push({ atMs, settle: () => void possible.delete(voter) }),
    settle(untilMs = Number.POSITIVE_INFINITY) {
      const until = waiting.findIndex(({ atMs }) => atMs > untilMs);
      for (const { settle } of waiting.splice(0, until < 0 ? waiting.length : until)) settle();
    },
    bounds: () => bounds,
    get voters() {
      return possible.size;
    },
  };
}
