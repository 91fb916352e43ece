import type { Random } from '../random.ts';
import { admit } from './admit.ts';
import type { Booth } from './booth.ts';
import { createChooser } from './choices.ts';
import type { DrillPoll } from './polls.ts';

/** Least and most (ms). */
export type Pause = readonly [least: number, most: number];

/** A voter that changes its mind for ever: one ballot at a time, each unlike those before. */
export async function voteRestlessly(
  booth: Booth,
  name: string,
  poll: DrillPoll,
  pause: Pause,
  random: Random,
): Promise<void> {
  const choose = createChooser(poll);
  const voter = await admit(booth, name, poll, random.fork('admission'));
  while (voter && !booth.closing) {
    const choices = choose(random);
    await booth.cast(voter, choices, random);
    await booth.pause(random.integer(...pause));
  }
}
