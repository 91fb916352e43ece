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
