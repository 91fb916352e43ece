import type { AppendOutcome } from '@hbf/ballot-stream/producer';
import type { Poll } from '@hbf/contracts/poll';
import type { Ballots } from '../../src/casting.ts';
import { allPolls, NOON } from './polls.ts';

/** A way into the ballot stream that answers what a test tells it to, and keeps what was appended. */
export type FakeBallots = Ballots & {
  known: readonly Poll[] | undefined;
  time: number;
  /** The answer to every append from now on; by default each is accepted under an id of its own. */
  answer: AppendOutcome | Error | undefined;
  appended: { poll: string; voter: string; choices: readonly string[] }[];
};

export function createFakeBallots(): FakeBallots {
  const fake: FakeBallots = {
    known: allPolls,
    time: NOON,
    answer: undefined,
    appended: [],
    polls: () => fake.known,
    now: () => fake.time,
    async append(poll, { voter, choices }) {
      fake.appended.push({ poll, voter: voter.toString('hex'), choices });
      if (fake.answer instanceof Error) throw fake.answer;
      const entryId = `${NOON + fake.appended.length}-0`;
      return fake.answer ?? { outcome: 'accepted', identity: { partition: 1, entryId, index: 0 } };
    },
  };
  return fake;
}
