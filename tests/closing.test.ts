import { FAULTS } from '@hbf/drills/clients/polls';
import { until } from '@hbf/drills/until';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const options = FAULTS.options.map((key) => `${key}: Option ${key}`).join(', ');
const polls = (closesAt: string, question = 'Which one now?') => `polls:
  - key: faults
    question: ${question}
    eligibility: open
    results: after-close
    closesAt: ${closesAt}
    options: { ${options} }
`;

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();
const system = await createSystem({ polls: polls(inSeconds(3_600)) });
const voting = createVoting(system);
afterEach(system.removeAll);

type TallyAnswer = { phase: string; turnout: number; question: string; options: { votes: number | null }[] };

async function tally(): Promise<TallyAnswer> {
  return (await (await fetch(`${system.resultUrl}/api/polls/faults/tally`)).json()) as TallyAnswer;
}

describe('a poll that is closed while voters vote', () => {
  it('refuses every later ballot, counts every earlier one, becomes final and never opens again', async () => {
    const services = [await system.add('vote'), await system.add('worker'), await system.add('worker')];
    await Promise.all(services.map((service) => service.untilReady()));
    await voting.start(40);
    expect(await tally()).toMatchObject({ phase: 'open', turnout: expect.any(Number) });
    expect((await tally()).options.every(({ votes }) => votes === null)).toBe(true);

    // The host brings the end forward, and puts the question better, while everybody votes.
    const closesAt = inSeconds(8);
    expect((await system.applyPolls(polls(closesAt, 'Which one is it?'))).code).toBe(0);
    await until(
      'the watchers see the new question',
      async () => (await tally()).question === 'Which one is it?',
    );
    await services[1]!.kill();
    await until('voters are told that the poll is closed', () =>
      voting.lastAnswers(40).every((answer) => answer === '/problems/poll-closed'),
    );
    await until('the poll is final', async () => (await tally()).phase === 'final');
    const whenFinal = await tally();
    expect(await voting.finish()).toEqual([]);
    expect(await tally()).toMatchObject({ options: whenFinal.options, turnout: 40 });
    expect(whenFinal.options.reduce((sum, { votes }) => sum + votes!, 0)).toBe(40);

    const reopened = await system.applyPolls(polls(inSeconds(3_600)));
    expect(reopened.code).toBe(2);
    expect(reopened.output).toMatch(/polls\.yaml:6: poll "faults": the poll is closed/);
    expect(reopened.output).toContain('The polls as they were stay in force: faults');

    // Not even somebody who changes the times behind everybody's back opens it again.
    await system.postgres.query(`UPDATE polls SET closes_at = now() + interval '1 hour'`);
    await system.postgres.query('UPDATE system SET polls_revision = polls_revision + 1');
    await services[2]!.untilLine(/"revision":3.*published/);
    const response = await fetch(`${system.voteUrl}/api/polls/faults/ballots`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ choices: ['o1'] }),
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ type: '/problems/poll-closed' });
    expect((await tally()).phase).toBe('final');
  });
});
