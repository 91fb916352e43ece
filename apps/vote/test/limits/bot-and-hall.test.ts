/**
 * The two that the limits must tell apart, with the limits as they are unless set otherwise, on a real server with a
 * real stream: one bot that takes a new identity for every ballot, and 500 people behind one address.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { startTestRedis } from '@hbf/local-services/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { makeApp } from '../support/app.ts';
import { browserPoll } from '../support/polls.ts';
import { startPreparedRedis } from '../support/prepared-redis.ts';

const redis = await startPreparedRedis([browserPoll]);
const HEX = '00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef';
const producer = redis.startProducer();

/** Starts a service in production. */
async function serve(env: Record<string, string>) {
  const { trustProxy, limits } = readConfig({
    NODE_ENV: 'production',
    REDIS_URL: redis.server.url,
    VOTER_KEYS: `v1:${HEX}`,
    RECEIPT_KEYS: `r1:${HEX}`,
    TRUST_PROXY: '1',
    ...env,
  });
  const made = makeApp({ trustProxy, limits }, producer);
  const server = createServer(made.app).listen(0, '127.0.0.1');
  afterAll(() => {
    server.close();
    made.limits.close();
  });
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  /** Opens the page as a new browser does. @returns its cookies. */
  async function newCookies(address: string): Promise<string> {
    const page = await fetch(origin, { headers: { 'X-Forwarded-For': address } });
    await page.text();
    return page.headers.getSetCookie()[0]!.split(';')[0]!;
  }

  /** Sends the page's form; again after a 503, as the page asks to. @returns the answer, and the cookies from then on. */
  async function vote(cookies: string, choice: string, address: string) {
    for (;;) {
      const answer = await fetch(origin, {
        method: 'POST',
        headers: {
          'X-Forwarded-For': address,
          Cookie: cookies,
          'Content-Type': 'application/x-www-form-urlencoded',
        },
        body: `vote=${choice}`,
        redirect: 'manual',
      });
      const text = await answer.text();
      if (answer.status === 503) continue;
      const given = answer.headers.getSetCookie().map((line) => line.split(';')[0]!);
      return {
        status: answer.status,
        headers: answer.headers,
        text,
        cookies: [cookies, ...given].join('; '),
      };
    }
  }
  return { metric: made.metric, logged: made.logged, limits, newCookies, vote };
}

const alone = await serve({});
// As in a release: where all copies of the service count together.
const store = await startTestRedis({ settings: { appendonly: 'no' } });
const together = await serve({ LIMITS_REDIS_URL: store.url });

beforeAll(async () => {
  await redis.prepare();
  await producer.ready;
  const { vote, newCookies } = alone;
  await vi.waitFor(async () =>
    expect((await vote(await newCookies('192.0.2.1'), 'a', '192.0.2.1')).status).toBe(303),
  );
});

/** As many at a time. */
async function atATime<T>(lanes: number, count: number, work: () => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun++ < count) done.push(await work());
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return done;
}

const MINUTE = 60_000;
// On a busy machine the promise should fail, and not the test's own time.
const PATIENT = { timeout: 3 * MINUTE };

/** How many voters have ever chosen this. */
const votersFor = async (choice: string) =>
  new Set((await redis.ballots()).filter(({ choices }) => choices[0] === choice).map(({ voter }) => voter))
    .size;

async function voteInHall({ vote, newCookies }: typeof alone): Promise<void> {
  const hall = '198.51.100.1';
  const before = await votersFor('b');
  const started = performance.now();
  const both = await atATime(50, 500, async () => {
    const first = await vote(await newCookies(hall), 'a', hall);
    return [first.status, (await vote(first.cookies, 'b', hall)).status];
  });
  expect(performance.now() - started).toBeLessThan(MINUTE);
  expect(both).toEqual(Array(500).fill([303, 303]));
  expect(await votersFor('b')).toBe(before + 500);
}

it('500 voters behind one address vote and change their minds, all within a minute', PATIENT, () =>
  voteInHall(alone),
);

it('500 voters do so too where they are counted in a store', PATIENT, async () => {
  const { metric, logged } = together;
  await vi.waitFor(() => expect(logged()).toContain('ballots are counted in it'), 10_000);
  await voteInHall(together);
  // Late for a moment, as on a busy machine, it is asked again.
  await vi.waitFor(async () => expect(await metric('limits_store_away')).toBe(0), 10_000);
  const client = connectRedis(store.url, () => {});
  afterAll(() => client.disconnect());
  await untilReady(client, 10_000);
  const [key] = await client.keys('hbf:limits:address-hour:*');
  expect(Number(await client.get(key!))).toBeGreaterThan(0);
});

it(
  'a bot that takes a new identity for every ballot is stopped at the budget of one address, and stays stopped',
  PATIENT,
  async () => {
    const { vote, newCookies, limits, metric } = alone;
    const voters = async () => new Set((await redis.ballots()).map(({ voter }) => voter)).size;
    const before = await voters();
    const started = performance.now();
    const answers = await atATime(
      20,
      1_200,
      async () => await vote(await newCookies('203.0.113.7'), 'a', '203.0.113.7'),
    );
    const accepted = answers.filter(({ status }) => status === 303);
    const refused = answers.filter(({ status }) => status === 429);
    const windows = 1 + Math.floor((performance.now() - started) / MINUTE);
    expect(accepted.length).toBeGreaterThanOrEqual(limits.allow.addressPerMinute);
    expect(accepted.length).toBeLessThanOrEqual(windows * limits.allow.addressPerMinute);
    expect(refused.length).toBe(1_200 - accepted.length);
    expect(await voters()).toBe(before + accepted.length);
    for (const { headers, text } of refused) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(text).toContain('from the network that you are in');
    }
    expect(await metric('ballots_refused_total', { reason: 'too-many-requests' })).toBe(refused.length);
    // The rest of the town votes on.
    expect((await vote(await newCookies('203.0.113.8'), 'a', '203.0.113.8')).status).toBe(303);
  },
);
