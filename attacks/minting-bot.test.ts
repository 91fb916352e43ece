import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { expectDocumented, problemOf } from './support/documented.ts';
import { ask, header, type RawResponse } from './support/raw-http.ts';
import { FULL } from './support/seed.ts';
import { countBallots, withReplica } from './support/system.ts';
import { ballot, cookiesIn, newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const A = '{"choices":["a"]}';
const BOT = '203.0.113.7';
const HALL = '198.51.100.1';
const VOTERS = FULL ? 500 : 50;
const PER_MINUTE = FULL ? 600 : 60;
const PRODUCTION = { NODE_ENV: 'production', TRUST_PROXY: '1', LIMIT_ADDRESS_PER_MINUTE: String(PER_MINUTE) };

const from = (address: string) => ['X-Forwarded-For', address] as const;

/** A new browser behind an address casts a ballot. */
async function castAnew(
  url: string,
  address: string,
  lies: readonly (readonly [string, string])[] = [],
): Promise<RawResponse> {
  const [cookie] = cookiesIn(await ask(url, { target: '/api/polls/other', headers: [from(address)] }));
  const request = ballot('other', cookie, A);
  return ask(url, { ...request, headers: [...request.headers, ...lies, from(address)] });
}

/** So many at a time. */
async function repeat<T>(lanes: number, count: number, work: () => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun++ < count) done.push(await work());
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return done;
}

describe('a bot that takes a new identity for every ballot', () => {
  it('is stopped, told when to come back, and holds up none of the voters behind another address', {
    timeout: 180_000,
  }, async () => {
    await withReplica('vote', PRODUCTION, async ({ url }) => {
      const before = (await countBallots('other')).a ?? 0;
      const began = performance.now();
      const [minted, honest] = await Promise.all([
        repeat(10, 2 * PER_MINUTE, () => castAnew(url, BOT)),
        repeat(10, VOTERS, () => castAnew(url, HALL)),
      ]);
      const minutes = 1 + Math.floor((performance.now() - began) / 60_000);
      const accepted = minted.filter(({ status }) => status === 202);
      expect(accepted.length).toBeLessThanOrEqual(minutes * PER_MINUTE);
      for (const response of minted.filter(({ status }) => status !== 202)) {
        expect(expectDocumented(response)).toBe('too-many-requests');
        expect(Number(header(response, 'retry-after'))).toBeGreaterThanOrEqual(1);
      }
      expect(honest.map(({ status }) => status)).toEqual(Array(VOTERS).fill(202));
      expect((await countBallots('other')).a).toBe(before + accepted.length + VOTERS);
    });
  });

  it('is not let through for saying that it is somebody else', async () => {
    await withReplica('vote', { ...PRODUCTION, LIMIT_ADDRESS_PER_MINUTE: '3' }, async ({ url }) => {
      await repeat(1, 3, () => castAnew(url, BOT));
      for (const lies of [
        // What stands to the left of the proxy's own word is the client's.
        [from('192.0.2.1')],
        [from('127.0.0.1')],
        [['X-Real-IP', '192.0.2.1'] as const],
        [['Forwarded', 'for=192.0.2.1'] as const],
        [['True-Client-IP', '192.0.2.1'] as const],
        [['CF-Connecting-IP', '192.0.2.1'] as const],
        [['Crowd-Key', 'crowd1:00'] as const],
        [['Crowd-Key', ''] as const],
      ]) {
        expect(problemOf(await castAnew(url, BOT, lies)), JSON.stringify(lies)).toBe('too-many-requests');
      }
      for (const other of [`::ffff:${BOT}`, `${BOT} `]) {
        expect(problemOf(await castAnew(url, other)), other).toBe('too-many-requests');
      }
    });
  });

  it('is not let through by a Crowd-Key that is not quite one of CROWD_KEYS', async () => {
    const [one, two] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    const CROWD_KEYS = `c2:${two},c1:${one}`;
    const env = { ...PRODUCTION, LIMIT_ADDRESS_PER_MINUTE: '3', CROWD_KEYS };
    await withReplica('vote', env, async ({ url }) => {
      await repeat(1, 3, () => castAnew(url, BOT));
      for (const wrong of [
        `c2:${one}`,
        `c3:${two}`,
        `c1:${randomBytes(32).toString('hex')}`,
        `c1:${one.slice(0, -1)}`,
        `c1:${one}0`,
        one,
        'c2:',
        'c2',
        '',
        'constructor:',
        CROWD_KEYS,
      ]) {
        expect(problemOf(await castAnew(url, BOT, [['Crowd-Key', wrong]])), wrong).toBe('too-many-requests');
      }
      expect((await castAnew(url, BOT, [['Crowd-Key', `c1:${one}`]])).status).toBe(202);
    });
  });

  it('is stopped by a service whose store of limits hangs, too, and voters are not', async () => {
    // Takes connections and says nothing.
    const hanging = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => hanging.once('listening', resolve));
    const { port } = hanging.address() as { port: number };
    const env = {
      ...PRODUCTION,
      LIMIT_ADDRESS_PER_MINUTE: '3',
      LIMITS_REDIS_URL: `redis://127.0.0.1:${port}`,
    };
    try {
      await withReplica('vote', env, async ({ url }) => {
        const statuses = (await repeat(1, 6, () => castAnew(url, BOT))).map(({ status }) => status);
        expect(statuses).toEqual([202, 202, 202, 429, 429, 429]);
        expect((await castAnew(url, HALL)).status).toBe(202);
      });
    } finally {
      hanging.close();
    }
  });
});

describe('a bot in the hall that has voted, and votes again and again with what it was given', () => {
  /** The browser of a voter behind the hall's address. */
  async function newBrowser(url: string) {
    const [voter] = cookiesIn(await ask(url, { target: '/p/other', headers: [from(HALL)] }));
    return { voter: voter!, ballot: undefined as string | undefined };
  }
  type Browser = Awaited<ReturnType<typeof newBrowser>>;

  /** Sends the page's form. Keeps the ballot cookie that comes back. */
  async function submit(url: string, browser: Browser): Promise<RawResponse> {
    const response = await ask(url, {
      method: 'POST',
      target: '/p/other',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Cookie', browser.ballot ? `${browser.voter}; ${browser.ballot}` : browser.voter],
        from(HALL),
      ],
      body: 'vote=a',
    });
    const given = cookiesIn(response).find((pair) => pair.startsWith('hbf_ballot_other='));
    if (response.status === 303) browser.ballot = given!;
    return response;
  }

  it('keeps nobody from changing their mind, and gets no more out of it than each voter may', async () => {
    const env = { ...PRODUCTION, LIMIT_ADDRESS_PER_MINUTE: '30', LIMIT_VOTER_PER_MINUTE: '5' };
    await withReplica('vote', env, async ({ url }) => {
      const before = (await countBallots('other')).a ?? 0;
      const honest = await newBrowser(url);
      const bots = await repeat(5, 29, () => newBrowser(url));
      for (const browser of [honest, ...bots]) expect((await submit(url, browser)).status).toBe(303);
      // The network has used up what it has for those who have not voted.
      expect((await submit(url, await newBrowser(url))).status).toBe(429);
      const again = await Promise.all(bots.map((bot) => repeat(1, 8, () => submit(url, bot))));
      for (const answers of again) {
        const accepted = answers.filter(({ status }) => status === 303);
        const refused = answers.filter(({ status }) => status === 429);
        expect([accepted.length, refused.length]).toEqual([4, 4]);
        for (const { body } of refused) expect(body).toContain('You have voted many times');
      }
      for (let i = 0; i < 4; i++) expect((await submit(url, honest)).status).toBe(303);
      expect((await countBallots('other')).a).toBe(before + 30);
    });
  });

  it('is known by no ballot cookie that it forged, or that was given to another voter or for another poll', async () => {
    await withReplica('vote', { ...PRODUCTION, LIMIT_ADDRESS_PER_MINUTE: '3' }, async ({ url }) => {
      const known = await newBrowser(url);
      await submit(url, known);
      await castAnew(url, HALL);
      const stranger = await newBrowser(url);
      const elsewhere = await ask(url, {
        method: 'POST',
        target: '/p/browser',
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Cookie', stranger.voter],
          from(HALL),
        ],
        body: 'vote=a',
      });
      expect(elsewhere.status).toBe(303);
      const ofOtherPoll = cookiesIn(elsewhere).find((pair) => pair.startsWith('hbf_ballot_browser='))!;
      const [choices, receipt, signature] = known.ballot!.split('~') as [string, string, string];
      const lies = {
        'of nobody': undefined,
        'of another voter': known.ballot,
        'of another poll': ofOtherPoll.replace('hbf_ballot_browser=', 'hbf_ballot_other='),
        'with another signature': `${choices}~${receipt}~${signature.slice(0, -4)}AAAA`,
        'without a signature': `${choices}~${receipt}`,
        'with another choice': `${choices.replace('=a', '=b')}~${receipt}~${signature}`,
        'of many at once': [known.ballot, ofOtherPoll, known.ballot].join('; '),
      };
      for (const [lie, ballot] of Object.entries(lies)) {
        expect((await submit(url, { ...stranger, ballot })).status, lie).toBe(429);
      }
      // The same cookie is worth something to whom it was given.
      expect((await submit(url, known)).status).toBe(303);
    });
  });
});

describe('one voter', () => {
  it('who changes their mind without end is stopped, and nobody else is', async () => {
    await withReplica('vote', { ...PRODUCTION, LIMIT_VOTER_PER_MINUTE: '5' }, async ({ url }) => {
      const { cookie } = await newVoter(url);
      const request = ballot('other', cookie, A);
      const statuses: number[] = [];
      for (let i = 0; i < 8; i++) {
        statuses.push((await ask(url, { ...request, headers: [...request.headers, from(HALL)] })).status);
      }
      expect(statuses).toEqual([202, 202, 202, 202, 202, 429, 429, 429]);
      expect((await castAnew(url, HALL)).status).toBe(202);
    });
  });
});
