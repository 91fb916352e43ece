import type { PageSees } from '../events.ts';
import type { Evidence } from '../evidence.ts';
import { countUpTo } from '../sorted.ts';
import type { Violation } from '../violation.ts';

/** What a poll's voters sent, as far as it bounds what a page may show. Times are sorted. */
type Sent = {
  /** When each voter first sent a ballot. */
  voters: number[];
  /** When each voter first sent an option, by option. */
  options: Map<string, number[]>;
  /** How many options a ballot has, at the least and at the most. */
  fewest: number;
  most: number;
};

/** The numbers on pages against the ballots that were sent by then. */
export function checkShown(evidence: Evidence): Violation[] {
  const byPoll = readSent(evidence);
  const optionsOf = new Map(evidence.final.tallies.map(({ poll, votes }) => [poll, Object.keys(votes)]));
  const violations: Violation[] = [];
  for (const [page, seen] of evidence.pages) {
    for (const sight of seen) {
      for (const what of impossible(sight, byPoll.get(sight.poll), optionsOf.get(sight.poll))) {
        violations.push({
          rule: 'pages-show-what-was-sent',
          what: `${page} shows ${what} (${sight.poll}, ${sight.at} ms)`,
        });
      }
    }
  }
  return violations;
}

function* impossible(
  { at, turnout, votes }: PageSees,
  sent: Sent | undefined,
  options: readonly string[] | undefined,
): Generator<string> {
  const voters = countUpTo(sent?.voters ?? [], at, (time) => time);
  if (turnout > voters) yield `${turnout} voters, and only ${voters} have sent a ballot`;
  if (!options) return;
  if (votes.length !== options.length) {
    yield `${votes.length} options of ${options.length}`;
    return;
  }
  let sum = 0;
  for (const [index, shown] of votes.entries()) {
    const option = options[index]!;
    if (shown === null) {
      yield `no votes for ${option}, and its results are not hidden`;
      return;
    }
    const sentIt = countUpTo(sent?.options.get(option) ?? [], at, (time) => time);
    if (shown > sentIt) yield `${shown} votes for ${option}, and only ${sentIt} voters have sent that`;
    sum += shown;
  }
  const [least, most] = [turnout * (sent?.fewest ?? 0), turnout * (sent?.most ?? 0)];
  if (sum < least || sum > most) yield `${sum} votes of ${turnout} voters, who have ${least} to ${most}`;
}

function readSent({ ballots }: Evidence): Map<string, Sent> {
  const byPoll = new Map<string, Sent>();
  const seen = new Set<string>();
  // By number, and so by time: the first of a voter comes first.
  for (const { voter, poll, choices, invoked } of ballots) {
    let sent = byPoll.get(poll);
    if (!sent) {
      sent = { voters: [], options: new Map(), fewest: Number.POSITIVE_INFINITY, most: 0 };
      byPoll.set(poll, sent);
    }
    const chosen = choices.split('+');
    sent.fewest = Math.min(sent.fewest, chosen.length);
    sent.most = Math.max(sent.most, chosen.length);
    if (isFirst(voter)) sent.voters.push(invoked);
    for (const option of chosen) {
      if (!isFirst(`${voter} ${option}`)) continue;
      const times = sent.options.get(option);
      if (times) times.push(invoked);
      else sent.options.set(option, [invoked]);
    }
  }
  return byPoll;

  function isFirst(key: string): boolean {
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  }
}
