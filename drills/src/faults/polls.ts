import { createAgent, getJson } from '../clients/http.ts';
import { type DrillPoll, pollsFile, withQuestion } from '../clients/polls.ts';
import type { System } from '../system/system.ts';
import { until } from '../until.ts';
import { type Fault, type FaultContext, running } from './fault.ts';

async function apply({ system }: FaultContext, polls: readonly DrillPoll[]): Promise<void> {
  const { code, output } = await system.applyPolls(pollsFile(polls));
  if (code !== 0) throw new Error(`polls.yaml was not applied (${code}): ${output}`);
}

export const changePolls: Fault = {
  name: 'change-polls',
  about: 'polls.yaml is changed and applied while voters vote, after a change that is forbidden was refused',
  // The change goes by way of all of them to where it is told.
  touches: ['polls', 'vote', 'worker', 'result', 'redis', 'postgres'],
  holdMs: [500, 2_000],
  async inject(context) {
    // Unlike any question before.
    const ending = `Really? (${context.random.integer(1, 999_999_999)})`;
    const changed = context.polls.map((poll) => withQuestion(poll, `${poll.question} ${ending}`));
    await isRefused(context, changed);
    await apply(context, changed);
    await untilTold(context.system, changed);
    return { heal: () => apply(context, context.polls) };
  },
};

/** Tries to take an option away from people who vote for it. @throws unless that is refused. */
async function isRefused({ system }: FaultContext, [first, ...others]: readonly DrillPoll[]): Promise<void> {
  const fewer = { ...first!, options: first!.options.slice(0, -1) };
  const { code, output } = await system.applyPolls(pollsFile([fewer, ...others]));
  if (code !== 2)
    throw new Error(`an option was taken out of ${fewer.key}, and migrate ended with ${code}: ${output}`);
}

/** Waits until every vote and result tells these polls, with all of their options. */
async function untilTold(system: System, polls: readonly DrillPoll[]): Promise<void> {
  const agent = createAgent();
  const replicas = [...running(system, 'vote'), ...running(system, 'result')];
  let others: string[] = [];
  try {
    await until(
      () => `the changed polls are told; instead: ${others.join('; ')}`,
      async () => {
        const told = replicas.flatMap(({ app, name, url }) =>
          polls.map(async ({ key, question, options }) => {
            const path = `${url}/api/polls/${key}${app === 'result' ? '/tally' : ''}`;
            const poll = await getJson<{ question: string; options: { key: string }[] }>(path, agent);
            const keys = poll.options.map((option) => option.key).join();
            if (keys !== options.join()) return [`${name} tells of ${key} the options ${keys}`];
            return poll.question === question ? [] : [`${name} tells of ${key} "${poll.question}"`];
          }),
        );
        others = (await Promise.all(told)).flat();
        return others.length === 0;
      },
    );
  } finally {
    agent.destroy();
  }
}

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
