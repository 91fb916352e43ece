import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/** The tallies against the ballots: each choice of a ballot is a vote, each voter counts once for the turnout. */
export function checkTallies({ final }: Evidence): Violation[] {
  const wrong: string[] = [];
  const recounted = new Map<string, { votes: Map<string, number>; voters: Set<string> }>();
  for (const { poll, voter, choices } of final.ballots) {
    let count = recounted.get(poll);
    if (!count) {
      count = { votes: new Map(), voters: new Set() };
      recounted.set(poll, count);
    }
    count.voters.add(voter);
    for (const choice of choices) count.votes.set(choice, (count.votes.get(choice) ?? 0) + 1);
  }
  for (const { poll, votes, turnout } of final.tallies) {
    const count = recounted.get(poll);
    recounted.delete(poll);
    const options = new Set([...Object.keys(votes), ...(count?.votes.keys() ?? [])]);
    for (const option of options) {
      const [told, counted] = [votes[option] ?? 0, count?.votes.get(option) ?? 0];
      if (told !== counted) wrong.push(`${poll}: ${option} has ${told} votes, the recount ${counted}`);
    }
    const voters = count?.voters.size ?? 0;
    if (turnout !== voters)
      wrong.push(`${poll}: the turnout is ${turnout}, and ballots of ${voters} voters count`);
  }
  for (const [poll, { voters }] of recounted) {
    wrong.push(`${poll}: ballots of ${voters.size} voters count, and there is no tally`);
  }
  const { code, output } = final.recount;
  if (code !== 0) wrong.push(`"worker recount" ended with ${code}: ${output.trim()}`);
  return wrong.map((what) => ({ rule: 'tally-is-recount', what }));
}
