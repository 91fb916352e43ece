import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { voterOfBrowser, voterOfKey } from '@hbf/vote/voter';
import { describe, expect, it } from 'vitest';
import { APPROVE } from '../../src/clients/polls.ts';
import { type Load, startVoters, type VotersOptions } from '../../src/clients/voters.ts';
import type { BallotEvent, Invoked } from '../../src/history/events.ts';
import { createRecorder } from '../../src/history/recorder.ts';
import { createRandom } from '../../src/random.ts';
import { nowhere, serve } from './fake-server.ts';

type Answer = (req: IncomingMessage, res: ServerResponse, body: string) => void;

const accept: Answer = (_, res) => {
  res.writeHead(202).end('{"status":"accepted","receipt":"r"}');
};

/** A vote service of one replica that gives cookies and answers ballots as it is told. */
async function fakeVote(answer: Answer = accept) {
  const given: string[] = [];
  const ballots: { key: string | undefined; cookie: string | undefined; poll: string; choices: string[] }[] =
    [];
  let refuseCookies = 0;
  const url = await serve((req, res, body) => {
    if (req.method === 'GET') {
      if (refuseCookies-- > 0) return res.writeHead(503).end();
      const cookie = `${randomBytes(16).toString('base64url')}.k1.a-signature`;
      given.push(cookie);
      res.setHeader('set-cookie', ['other=1; Path=/', `hbf_voter=${cookie}; Path=/; HttpOnly; SameSite=Lax`]);
      return res.writeHead(200).end('{}');
    }
    ballots.push({
      key: req.headers['idempotency-key'] as string | undefined,
      cookie: req.headers.cookie,
      poll: /^\/api\/polls\/([a-z]+)\/ballots$/.exec(req.url!)![1]!,
      choices: (JSON.parse(body) as { choices: string[] }).choices,
    });
    return answer(req, res, body);
  });
  const system = { replicas: [{ app: 'vote' as const, url }, { app: 'worker' as const }] };
  return {
    system,
    given,
    ballots,
    refuseCookies(times: number) {
      refuseCookies = times;
    },
  };
}

const NOBODY: Load = { restless: 0, newcomersPerSecond: 0, hot: 0, pause: [1, 3] };

async function voteUntil(
  vote: Awaited<ReturnType<typeof fakeVote>>,
  load: Load & Pick<VotersOptions, 'polls'>,
  seed: string,
  accepted: number,
) {
  const recorder = createRecorder();
  const voters = startVoters({
    system: vote.system,
    recorder,
    random: createRandom(seed),
    ...NOBODY,
    ...load,
  });
  await voters.untilAccepted(accepted);
  await voters.stop();
  return { voters, events: recorder.events as readonly BallotEvent[] };
}

const isInvoked = (event: BallotEvent): event is Invoked => event.type === 'invoke';

/** What each voter chose, ballot by ballot, as far as all of them got. */
function choicesByVoter(events: readonly BallotEvent[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { voter, poll, choices } of events.filter(isInvoked)) {
    found.set(voter, [...(found.get(voter) ?? []), `${poll}: ${choices}`]);
  }
  return found;
}

describe('voters', () => {
  it('write down each ballot when it is sent and once what became of it', async () => {
    const vote = await fakeVote();
    const { events, voters } = await voteUntil(
      vote,
      { restless: 4, hot: 2, newcomersPerSecond: 50 },
      's',
      60,
    );
    const invoked = events.filter(isInvoked);
    expect(new Set(invoked.map(({ ballot }) => ballot)).size).toBe(invoked.length);
    expect(vote.ballots).toHaveLength(invoked.length);
    for (const { ballot } of invoked) {
      expect(events.filter((event) => event.ballot === ballot).map(({ type }) => type)).toEqual([
        'invoke',
        'ok',
      ]);
    }
    expect(voters.accepted).toBe(invoked.length);
    expect(new Set(invoked.map(({ voter }) => voter.split('-')[0]))).toEqual(
      new Set(['restless', 'hot', 'newcomer']),
    );
  });

  it('are for ever who they are, and it is known under which pseudonym', async () => {
    const vote = await fakeVote();
    const { events, voters } = await voteUntil(
      vote,
      { restless: 4, hot: 2, newcomersPerSecond: 50 },
      's',
      60,
    );
    const expected = new Set(
      vote.ballots.map(({ key, cookie, poll }) => {
        if (poll === 'faults') return `${poll} ${voterOfKey(key!, poll).toString('hex')}`;
        expect(key).toBeUndefined();
        const bits = Buffer.from(/^hbf_voter=([^.]+)\.k1\.a-signature$/.exec(cookie!)![1]!, 'base64url');
        return `${poll} ${voterOfBrowser(bits, poll).toString('hex')}`;
      }),
    );
    const known = Object.values(voters.voters()).map(({ poll, pseudonym }) => `${poll} ${pseudonym}`);
    expect(new Set(known)).toEqual(expected);
    expect(known).toHaveLength(expected.size);
    expect(Object.keys(voters.voters()).sort()).toEqual(
      [...new Set(events.filter(isInvoked).map(({ voter }) => voter))].sort(),
    );
  });

  it('choose the same, in the same order, if the seed is the same', async () => {
    const load = { restless: 4, hot: 2, newcomersPerSecond: 20 };
    const [one, same, other] = [
      choicesByVoter((await voteUntil(await fakeVote(), load, 'one', 80)).events),
      choicesByVoter((await voteUntil(await fakeVote(), load, 'one', 80)).events),
      choicesByVoter((await voteUntil(await fakeVote(), load, 'other', 80)).events),
    ];
    const common = (a: Map<string, string[]>, b: Map<string, string[]>) =>
      [...a].flatMap(([voter, ballots]) => {
        const count = Math.min(ballots.length, b.get(voter)?.length ?? 0);
        return count === 0 ? [] : [[ballots.slice(0, count), b.get(voter)!.slice(0, count)] as const];
      });
    expect(common(one, same).length).toBeGreaterThan(6);
    for (const [ballots, again] of common(one, same)) expect(ballots).toEqual(again);
    expect(common(one, other).some(([a, b]) => String(a) !== String(b))).toBe(true);
  });

  it('have two tabs whose ballots are on their way at the same time, if they are hot', async () => {
    let present = 0;
    let most = 0;
    const vote = await fakeVote((req, res, body) => {
      most = Math.max(most, ++present);
      setTimeout(() => {
        present -= 1;
        accept(req, res, body);
      }, 20);
    });
    const { voters } = await voteUntil(vote, { hot: 1 }, 's', 10);
    expect(most).toBe(2);
    expect(Object.keys(voters.voters())).toEqual(['hot-0']);
    expect(new Set(vote.ballots.map(({ key }) => key)).size).toBe(1);
  });

  it('ask for a cookie until they are given one, and then never again', async () => {
    const vote = await fakeVote();
    vote.refuseCookies(2);
    await voteUntil(vote, { restless: 1, polls: [APPROVE] }, 's', 5);
    expect(vote.given).toHaveLength(1);
    expect(new Set(vote.ballots.map(({ cookie }) => cookie))).toEqual(
      new Set([`hbf_voter=${vote.given[0]}`]),
    );
  });

  it('insist, half of the newcomers, until a ballot is accepted, with other choices each time', async () => {
    let refusals = 0;
    const vote = await fakeVote((req, res, body) => {
      if (refusals++ < 40) res.writeHead(503).end('{"type":"/problems/not-accepted"}');
      else accept(req, res, body);
    });
    const { events } = await voteUntil(vote, { newcomersPerSecond: 100 }, 's', 20);
    const ballots = [...choicesByVoter(events).values()];
    expect(ballots.some((tries) => tries.length > 1)).toBe(true);
    for (const tries of ballots) expect(new Set(tries).size).toBe(tries.length);
  });

  it('do not come back to a poll that is closed, if they are newcomers', async () => {
    const closed = '{"type":"/problems/poll-closed"}';
    const vote = await fakeVote((_, res) => res.writeHead(403).end(closed));
    const recorder = createRecorder();
    const random = createRandom('s');
    const voters = startVoters({ system: vote.system, recorder, random, ...NOBODY, newcomersPerSecond: 200 });
    while (vote.ballots.length < 100) await new Promise((resolve) => setTimeout(resolve, 20));
    await voters.stop();
    expect(Object.keys(voters.voters())).toHaveLength(vote.ballots.length);
  });

  it('know that nothing was sent where nobody listens, and go home when they are told to', async () => {
    const system = { replicas: [{ app: 'vote' as const, url: await nowhere() }] };
    const recorder = createRecorder();
    const random = createRandom('s');
    const voters = startVoters({ system, recorder, random, ...NOBODY, restless: 2, hot: 2 });
    await expect(voters.untilAccepted(1, 100)).rejects.toThrow('ECONNREFUSED');
    await voters.stop();
    const ended = (recorder.events as BallotEvent[]).filter((event) => event.type !== 'invoke');
    expect(ended.length).toBeGreaterThan(2);
    expect(new Set(ended.map(({ type }) => type))).toEqual(new Set(['fail']));
  });

  it('finish the ballot in hand when they are stopped', async () => {
    const vote = await fakeVote((req, res, body) => setTimeout(() => accept(req, res, body), 100));
    const recorder = createRecorder();
    const voters = startVoters({
      system: vote.system,
      recorder,
      random: createRandom('s'),
      ...NOBODY,
      restless: 1,
    });
    await voters.untilAccepted(1);
    while (vote.ballots.length < 2) await new Promise(setImmediate);
    await voters.stop();
    expect(recorder.events.map(({ type }) => type)).toEqual(['invoke', 'ok', 'invoke', 'ok']);
  });

  it('are numbered on where a drill starts voters a second time', async () => {
    const vote = await fakeVote();
    const recorder = createRecorder();
    for (const group of ['early-', 'late-']) {
      const random = createRandom('s');
      const voters = startVoters({ system: vote.system, recorder, random, ...NOBODY, restless: 1, group });
      await voters.untilAccepted(3);
      await voters.stop();
    }
    const invoked = (recorder.events as BallotEvent[]).filter(isInvoked);
    expect(new Set(invoked.map(({ ballot }) => ballot)).size).toBe(invoked.length);
    expect(new Set(vote.ballots.map(({ key }) => key)).size).toBe(2);
  });
});
