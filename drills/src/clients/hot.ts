import type { Random } from '../random.ts';
import { admit } from './admit.ts';
import type { Booth } from './booth.ts';
import { createChooser } from './choices.ts';
import type { DrillPoll } from './polls.ts';
import type { Pause } from './restless.ts';

/** The second tab's ballot leaves at most so much later (ms): before or just after the first is answered. */
const OVERLAP_MS = 10;

/** One voter with two tabs, whose ballots overlap: only the system can tell which of them comes later. */
export async function voteInTwoTabs(
  booth: Booth,
  name: string,
  poll: DrillPoll,
  pause: Pause,
  random: Random,
): Promise<void> {
  const choose = createChooser(poll);
  const voter = await admit(booth, name, poll, random.fork('admission'));
  const second = random.fork('second tab');
  while (voter && !booth.closing) {
    const [one, other] = [choose(random), choose(random)];
    const delay = second.integer(0, OVERLAP_MS);
    const inSecondTab = async () => {
      if (delay > 0) await booth.pause(delay);
      await booth.cast(voter, other, second);
    };
    await Promise.all([booth.cast(voter, one, random), inSecondTab()]);
    await booth.pause(random.integer(...pause));
  }
}
