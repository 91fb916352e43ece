import { type DrillPoll, pollsFile, withQuestion } from '../clients/polls.ts';
import { until } from '../until.ts';
import type { Fault, FaultContext } from './fault.ts';

async function apply({ system }: FaultContext, polls: readonly DrillPoll[]): Promise<void> {
  const { code, output } = await system.applyPolls(pollsFile(polls));
  if (code !== 0) throw new Error(`polls.yaml was not applied (${code}): ${output}`);
}

export const changePolls: Fault = {
  name: 'change-polls',
  about: 'polls.yaml is changed and applied while voters vote',
  touches: ['polls', 'postgres'],
  holdMs: [500, 2_000],
  async inject(context) {
    const changed = context.polls.map((poll) => withQuestion(poll, `${poll.question} Really?`));
    await apply(context, changed);
    return { heal: () => apply(context, context.polls) };
  },
};

/** The poll stays closed: nothing can open it again. */
export const closePoll: Fault = {
  name: 'close-poll',
  once: true,
  about: 'the end of a poll is set to a moment from now while voters vote, and it comes',
  touches: ['polls', 'postgres', 'redis', 'worker', 'clock'],
  holdMs: [500, 1_000],
  async inject(context) {
    const { system, polls, random } = context;
    const last = polls.at(-1)!;
    const closesAt = new Date(Date.now() + random.integer(2_000, 4_000)).toISOString();
    polls.splice(-1, 1, { ...last, closesAt });
    await apply(context, polls);
    await until('the poll is closed in every partition', async () => {
      const [row] = await system.postgres.query<{ closings: number }>(
        'SELECT count(*)::int AS closings FROM poll_closings WHERE poll = $1',
        [last.key],
      );
      return row!.closings === 4;
    });
    return { closes: last.key, heal: async () => {} };
  },
};
