import type { Random } from '../random.ts';
import type { DrillPoll } from './polls.ts';

/** A voter's next choices differ from those of so many ballots before: what counts in the end tells which ballot it was. */
export const TOLD_APART = 25;

/** Every ballot that a poll allows, each in the order of the poll's options. */
export function allChoices(poll: DrillPoll): string[][] {
  const found: string[][] = [];
  const extend = (chosen: string[], from: number): void => {
    if (chosen.length >= poll.choices.min) found.push(chosen);
    if (chosen.length === poll.choices.max) return;
    for (let index = from; index < poll.options.length; index += 1) {
      extend([...chosen, poll.options[index]!], index + 1);
    }
  };
  extend([], 0);
  return found;
}

/** Draws the choices of one voter's ballots, one after the other. Costs one draw of the generator each. */
export function createChooser(poll: DrillPoll): (random: Random) => string[] {
  const waiting = allChoices(poll);
  if (waiting.length <= TOLD_APART) {
    throw new Error(`the poll ${poll.key} has too few different ballots for a drill: ${waiting.length}`);
  }
  const recent: string[][] = [];
  return (random) => {
    const [chosen] = waiting.splice(Math.floor(random.fraction() * waiting.length), 1);
    recent.push(chosen!);
    if (recent.length > TOLD_APART) waiting.push(recent.shift()!);
    return chosen!;
  };
}
