import type { Random } from '../random.ts';
import { admit } from './admit.ts';
import type { Booth } from './booth.ts';
import { createChooser } from './choices.ts';
import type { DrillPoll } from './polls.ts';

/** A newcomer's pauses between tries grow up to this (ms): a long outage must not pile up a crowd that all try at once. */
const LONGEST_PAUSE_MS = 5_000;
/** How soon a voter changes their mind (ms). */
const SECOND_THOUGHT_MS = [50, 600] as const;

/**
 * People who come to vote for the first time, at a rate that does not depend on how the system fares. Half of them try
 * once, the others until their ballot is accepted or the poll is closed. A third of those accepted change their mind soon
 * afterwards and then leave: an order that was mixed up stays wrong, where a restless voter's next ballot would hide it.
 * @param rate of arrivals, a second.
 */
export async function letNewcomersVote(
  booth: Booth,
  group: string,
  polls: readonly DrillPoll[],
  rate: number,
  random: Random,
): Promise<void> {
  const present = new Set<Promise<void>>();
  let next = performance.now();
  for (let number = 0; !booth.closing; number += 1) {
    next += (-Math.log(1 - random.fraction()) / rate) * 1_000;
    const early = next - performance.now();
    if (early > 0) await booth.pause(early);
    if (booth.closing) break;
    const name = `${group}newcomer-${number}`;
    const visit = voteAsNewcomer(booth, name, polls, random.fork(String(number)));
    present.add(visit);
    // One that fails stays, and is told by the last line.
    visit.then(
      () => present.delete(visit),
      () => {},
    );
  }
  await Promise.all(present);
}

async function voteAsNewcomer(
  booth: Booth,
  name: string,
  polls: readonly DrillPoll[],
  random: Random,
): Promise<void> {
  const poll = random.pick(polls);
  const insists = random.fraction() < 0.5;
  const changesMind = random.fraction() < 1 / 3;
  const choose = createChooser(poll);
  const voter = await admit(booth, name, poll, random.fork('admission'));
  for (let pause = 200; voter && !booth.closing; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    // Another choice at each try: of an unknown ballot and a later one it can be told which counts.
    const outcome = await booth.cast(voter, choose(random), random);
    if (outcome?.type === 'ok' && changesMind) {
      await booth.pause(random.integer(...SECOND_THOUGHT_MS));
      if (!booth.closing) await booth.cast(voter, choose(random), random);
      return;
    }
    if (!insists || outcome?.type === 'ok') return;
    if (outcome?.type === 'fail' && outcome.answer === '/problems/poll-closed') return;
    await booth.pause(pause * (0.5 + random.fraction()));
  }
}
