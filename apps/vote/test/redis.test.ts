import { RECEIPT_PURPOSE, readReceipt } from '@hbf/receipt/receipt';
import { createKeyring } from '@hbf/service-kit/keyring';
import type { Response } from 'supertest';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { makeApp, receiptKey } from './support/app.ts';
import { mostTook } from './support/most-took.ts';
import { browserPoll, makePoll, openPoll } from './support/polls.ts';
import { startPreparedRedis } from './support/prepared-redis.ts';

const closingPoll = makePoll({ key: 'closing', eligibility: 'open', closesAt: Date.now() + 3_600_000 });
const redis = await startPreparedRedis([browserPoll, openPoll, closingPoll]);
const producer = redis.startProducer();
const { browser, request, metric } = makeApp({}, producer);
const receipts = createKeyring([receiptKey], RECEIPT_PURPOSE);

const voter = browser();
const cast = (choice = 'a') => voter.post('/api/polls/best-friend/ballots').send({ choices: [choice] });

async function timed(work: PromiseLike<Response>): Promise<Response & { ms: number }> {
  const started = performance.now();
  const response = await work;
  return Object.assign(response, { ms: performance.now() - started });
}

const WELL_UNDER_MS = 190;
// A busy machine may hold up a whole try; what is slow by itself fails them all.
const TIMED = { retry: 2 };
const problemOf = (response: Response) => [response.status, response.body.type];
const NOT_ACCEPTED = [503, '/problems/not-accepted'];
const UNCONFIRMED = [503, '/problems/unconfirmed'];

/** Waits until ballots are accepted. */
const untilAccepting = () =>
  vi.waitFor(async () => expect((await cast()).status).toBe(202), { timeout: 15_000 });

describe('before a worker has set Redis up', () => {
  it('page and API say that they cannot answer yet', async () => {
    expect(problemOf(await cast())).toEqual([503, '/problems/not-accepted']);
    await request.get('/').expect(503);
  });

  it('all is well as soon as it has, without a restart', async () => {
    await redis.prepare();
    await producer.ready;
    await voter.get('/').expect(200);
    await untilAccepting();
  });
});

describe('with a real Redis', () => {
  beforeEach(async () => {
    if (!redis.server.running) await redis.server.start();
    await redis.prepare();
    await voter.get('/api/polls/best-friend');
    await untilAccepting();
  });

  it('an accepted ballot is in the stream, as its receipt says', async () => {
    const { body } = await vi.waitFor(() => cast('b').expect(202));
    const receipt = readReceipt(receipts, body.receipt)!;
    const ballot = (await redis.ballots()).find(({ entryId }) => entryId === receipt.entryId);
    expect(ballot).toEqual({
      poll: 'best-friend',
      voter: receipt.voter.toString('hex'),
      choices: ['b'],
      partition: receipt.partition,
      entryId: receipt.entryId,
    });
  });

  it('many ballots at once are each in the stream, once for each receipt', async () => {
    const castUntilAccepted = async (key: string) => {
      let answer: Response;
      do {
        answer = await request
          .post('/api/polls/show-of-hands/ballots')
          .set('Idempotency-Key', key)
          .send({ choices: ['a'] });
        // A busy machine may hold one up past its deadline; it is sent again then, as the same voter.
      } while (answer.status === 503);
      return readReceipt(receipts, answer.body.receipt)!;
    };
    const given = await Promise.all(
      Array.from({ length: 100 }, (_, index) => castUntilAccepted(`burst-${index}`)),
    );
    const stored = await redis.ballots();
    for (const receipt of given) {
      const voter = receipt.voter.toString('hex');
      expect(
        stored.filter((ballot) => ballot.entryId === receipt.entryId && ballot.voter === voter),
      ).toHaveLength(1);
    }
    expect(
      new Set(given.map((receipt) => `${receipt.partition} ${receipt.entryId} ${receipt.index}`)).size,
    ).toBe(100);
  });

  it('a form is confirmed on its page', async () => {
    await vi.waitFor(() => voter.post('/').type('form').send('vote=b').expect(303));
    expect((await voter.get('/')).text).toContain('You chose <strong dir="auto">Dogs</strong>.');
  });

  it("a poll that Redis's clock has closed is refused there, whatever this machine's clock says", async () => {
    const early = makeApp({}, { ...producer, append: producer.append, now: () => 0 });
    const post = () => early.request.post('/api/polls/closing/ballots').send({ choices: ['a'] });
    await vi.waitFor(() => post().expect(202));
    await redis.prepare([{ ...closingPoll, closesAt: 1 }]);
    await vi.waitFor(async () => expect(problemOf(await post())).toEqual([403, '/problems/poll-closed']));
  });

  it(
    'killed, it is told as surely refused and fast; back and prepared, all is well again',
    TIMED,
    async () => {
      const before = await redis.ballots();
      await redis.server.kill('SIGKILL');
      await vi.waitFor(async () => expect(problemOf(await cast())).toEqual(NOT_ACCEPTED));
      const times: number[] = [];
      for (let i = 0; i < 20; i++) {
        const answer = await timed(cast());
        expect(problemOf(answer)).toEqual(NOT_ACCEPTED);
        expect(answer.headers['retry-after']).toBe('1');
        times.push(answer.ms);
      }
      expect(mostTook(times)).toBeLessThan(WELL_UNDER_MS);
      await voter.get('/').expect(200); // the page stays: it can tell voters the truth

      await redis.server.start();
      await redis.prepare();
      await untilAccepting();
      // Of what was accepted nothing is gone, of what was refused nothing is there.
      expect(await redis.ballots()).toHaveLength(before.length + 1);
    },
  );

  it('restarted, it takes nothing until a worker has prepared it', async () => {
    await redis.server.kill('SIGKILL');
    await redis.server.start();
    await vi.waitFor(
      async () => {
        expect(problemOf(await cast())).toEqual(NOT_ACCEPTED);
        expect(await metric('ballots_not_accepted_total', { cause: 'not-prepared' })).toBeGreaterThan(0);
      },
      { timeout: 10_000 },
    );
    const before = (await redis.ballots()).length;
    expect(problemOf(await cast())).toEqual(NOT_ACCEPTED);
    expect(await redis.ballots()).toHaveLength(before);
    await redis.prepare();
    await untilAccepting();
  });

  it(
    'stopped, it leaves the first ballot unconfirmed and the next surely refused; going on, it counts none of them',
    TIMED,
    async () => {
      const before = await redis.ballots();
      await redis.server.kill('SIGSTOP');
      try {
        const first = await timed(cast('b'));
        expect(problemOf(first)).toEqual(UNCONFIRMED);
        expect(first.body.detail).toMatch(/Try again; it cannot count twice/);
        expect(first.ms).toBeLessThan(WELL_UNDER_MS);
        const times: number[] = [];
        for (let i = 0; i < 5; i++) {
          const next = await timed(cast('b'));
          expect(problemOf(next)).toEqual(NOT_ACCEPTED);
          times.push(next.ms);
        }
        // They wait for nothing.
        expect(mostTook(times)).toBeLessThan(first.ms / 2);
      } finally {
        await redis.server.kill('SIGCONT');
      }
      await untilAccepting();
      // The one that was stuck in the socket came after its deadline.
      const after = await redis.ballots();
      expect(after).toHaveLength(before.length + 1);
      expect(after.filter(({ choices }) => choices[0] === 'b')).toEqual(
        before.filter(({ choices }) => choices[0] === 'b'),
      );
    },
  );
});
