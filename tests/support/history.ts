/** What a voter did and was told, in the order that the voter did it. */
export type Cast = {
  voter: string;
  choice: string;
  /** ok: "accepted". fail: surely not accepted. unknown: no answer, or "could not confirm". */
  outcome: 'ok' | 'fail' | 'unknown';
  /** With ok. */
  receipt?: string;
  /** What was answered otherwise. */
  detail?: string;
  ms: number;
};

/** What the system ended up with. */
export type FinalState = {
  /** The choice that counts, by voter. */
  counted: Map<string, string>;
  /** Votes by option, as kept. */
  tally: Map<string, number>;
  turnout: number;
  /** A receipt's state, by receipt. */
  receipts: Map<string, string>;
};

/**
 * Checks every ballot of a history against the final state, when nothing is queued any more.
 * @returns what is wrong, in words; empty if every promise was kept.
 */
export function check(history: readonly Cast[], final: FinalState): string[] {
  const faults: string[] = [];
  const byVoter = Map.groupBy ? Map.groupBy(history, ({ voter }) => voter) : groupByVoter(history);
  for (const [voter, casts] of byVoter) {
    const counted = final.counted.get(voter);
    const lastOk = casts.findLastIndex(({ outcome }) => outcome === 'ok');
    // An unknown ballot counts once or not at all, and never after a later accepted one.
    const allowed = casts
      .slice(Math.max(0, lastOk))
      .filter(({ outcome }) => outcome !== 'fail')
      .map(({ choice }) => choice);
    if (lastOk >= 0 && counted === undefined) {
      faults.push(`${voter}: ballot ${lastOk} was accepted and no ballot of this voter counts`);
    } else if (counted !== undefined && !allowed.includes(counted)) {
      faults.push(
        `${voter}: ${counted} counts, after ballot ${lastOk} only ${allowed.join(', ') || 'nothing'} may`,
      );
    }
    for (const [index, { outcome, receipt, choice }] of casts.entries()) {
      if (outcome !== 'ok') continue;
      const state = final.receipts.get(receipt!);
      const countsNow = index === lastOk && choice === counted;
      if (countsNow ? state !== 'counted' : state !== 'superseded') {
        faults.push(`${voter}: the receipt of ballot ${index} says ${state}, and ${counted} counts`);
      }
    }
  }
  for (const voter of final.counted.keys()) {
    if (!byVoter.has(voter)) faults.push(`${voter}: counts and never voted`);
  }
  const recounted = new Map<string, number>();
  for (const choice of final.counted.values()) recounted.set(choice, (recounted.get(choice) ?? 0) + 1);
  for (const option of new Set([...recounted.keys(), ...final.tally.keys()])) {
    const [kept, counted] = [final.tally.get(option) ?? 0, recounted.get(option) ?? 0];
    if (kept !== counted) faults.push(`the tally of ${option} is ${kept}, the recount ${counted}`);
  }
  if (final.turnout !== final.counted.size) {
    faults.push(`the turnout is ${final.turnout}, and ${final.counted.size} voters' ballots count`);
  }
  return faults;
}

function groupByVoter(history: readonly Cast[]): Map<string, Cast[]> {
  const groups = new Map<string, Cast[]>();
  for (const cast of history) {
    const group = groups.get(cast.voter);
    if (group) group.push(cast);
    else groups.set(cast.voter, [cast]);
  }
  return groups;
}
