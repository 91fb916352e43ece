import type { FinalState } from '../history/events.ts';
import type { Recorder } from '../history/recorder.ts';
import type { Random } from '../random.ts';
import { until } from '../until.ts';
import { openBooth, type VoteSide } from './booth.ts';
import { voteInTwoTabs } from './hot.ts';
import { letNewcomersVote } from './newcomers.ts';
import { DRILL_POLLS, type DrillPoll } from './polls.ts';
import { type Pause, voteRestlessly } from './restless.ts';

/** How many vote and how. By default about 300 ballots a second. */
export type Load = {
  /** Voters that vote again and again. */
  restless?: number;
  /** First-time voters, a second. */
  newcomersPerSecond?: number;
  /** Voters with two tabs that vote at the same time. */
  hot?: number;
  /** Of restless and hot voters, after each answer (ms). */
  pause?: Pause;
};

export type VotersOptions = Load & {
  system: VoteSide;
  recorder: Recorder;
  random: Random;
  /** Voters are spread evenly over these. Unset: DRILL_POLLS. */
  polls?: readonly DrillPoll[];
  /** Stands before the voters' names: a drill that starts voters twice gives each start its own. */
  group?: string;
};

/** People who vote, and write down what they are told. */
export type Voters = {
  /** The ballots that were accepted so far. */
  readonly accepted: number;
  /** Resolves when so many more ballots were accepted. @throws after `timeoutMs` (40 s if unset). */
  untilAccepted(more: number, timeoutMs?: number): Promise<void>;
  /** Lets every voter finish the ballot in hand. Idempotent. */
  stop(): Promise<void>;
  /** Everybody who has sent a ballot. */
  voters(): FinalState['voters'];
};

/**
 * Starts voters. The seed decides who votes what, in which order, over which replica and after which pauses; when an
 * answer comes, and so which ballots of different voters are neighbours, it does not.
 */
export function startVoters(options: VotersOptions): Voters {
  const { system, recorder, random, polls = DRILL_POLLS, group = '' } = options;
  const { restless = 40, newcomersPerSecond = 10, hot = 4, pause = [100, 200] } = options;
  const booth = openBooth(system, recorder);
  const pollOf = (number: number) => polls[number % polls.length]!;
  const voting: Promise<void>[] = [];
  for (let number = 0; number < restless; number += 1) {
    const name = `${group}restless-${number}`;
    voting.push(voteRestlessly(booth, name, pollOf(number), pause, random.fork(name)));
  }
  for (let number = 0; number < hot; number += 1) {
    const name = `${group}hot-${number}`;
    voting.push(voteInTwoTabs(booth, name, pollOf(number), pause, random.fork(name)));
  }
  if (newcomersPerSecond > 0) {
    voting.push(letNewcomersVote(booth, group, polls, newcomersPerSecond, random.fork(`${group}newcomers`)));
  }
  const all = Promise.all(voting);
  // A defect of a voter is told by `stop`; until then it must not end the drill's process.
  all.catch(() => {});

  return {
    get accepted() {
      return booth.accepted;
    },
    async untilAccepted(more, timeoutMs = 40_000) {
      const goal = booth.accepted + more;
      await until(
        () =>
          `${goal} ballots are accepted: ${booth.accepted} are, and the last refusal is ${booth.lastRefusal}`,
        () => booth.accepted >= goal,
        timeoutMs,
        10,
      );
    },
    async stop() {
      booth.close();
      try {
        await all;
      } finally {
        booth.leave();
      }
    },
    voters: () => ({ ...booth.voters }),
  };
}
