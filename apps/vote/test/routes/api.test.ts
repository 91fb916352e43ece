import { gzipSync } from 'node:zlib';
import { NOT_ACCEPTED_REASONS } from '@hbf/ballot-stream/producer';
import { RECEIPT_PURPOSE, readReceipt } from '@hbf/receipt/receipt';
import { createKeyring } from '@hbf/service-kit/keyring';
import { describe, expect, it } from 'vitest';
import { cookiesOf, makeApp, receiptKey } from '../support/app.ts';
import { allPolls, NOON } from '../support/polls.ts';

const BALLOTS = '/api/polls/best-friend/ballots';
const OPEN_BALLOTS = '/api/polls/show-of-hands/ballots';
const receipts = createKeyring([receiptKey], RECEIPT_PURPOSE);

/** A test app and a browser that holds the voter cookie. */
async function withVoter() {
  const app = makeApp();
  const voter = app.browser();
  await voter.get('/api/polls/best-friend').expect(200);
  return { ...app, voter };
}

describe('GET /api/polls', () => {
  it('lists all polls in order, each as its own address shows it', async () => {
    const { request } = makeApp();
    const list = await request.get('/api/polls').expect(200);
    expect(list.body.polls.map((poll: { key: string }) => poll.key)).toEqual(
      allPolls.map((poll) => poll.key),
    );
    for (const poll of list.body.polls) {
      expect((await request.get(`/api/polls/${poll.key}`)).body).toEqual(poll);
    }
  });

  it('gives no cookie: it is no poll', async () => {
    expect(cookiesOf(await makeApp().request.get('/api/polls')).size).toBe(0);
  });
});

describe('GET /api/polls/:poll', () => {
  it('shows what a voter needs, and nothing else', async () => {
    const answer = await makeApp().request.get('/api/polls/best-friend').expect(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toEqual({
      key: 'best-friend',
      question: 'Cats or dogs?',
      options: [
        { key: 'a', label: 'Cats' },
        { key: 'b', label: 'Dogs' },
      ],
      eligibility: 'browser',
      choices: { min: 1, max: 1 },
      results: 'always',
      phase: 'open',
      opensAt: null,
      closesAt: null,
    });
  });

  it("tells the phase by Redis's clock, with the times", async () => {
    const { request, ballots } = makeApp();
    const phases = async () => [
      (await request.get('/api/polls/over')).body.phase,
      (await request.get('/api/polls/later')).body.phase,
    ];
    expect(await phases()).toEqual(['closed', 'scheduled']);
    ballots.time = NOON - 1;
    expect(await phases()).toEqual(['open', 'scheduled']);
    ballots.time = NOON + 1;
    expect(await phases()).toEqual(['closed', 'open']);
    expect((await request.get('/api/polls/over')).body.closesAt).toBe('2026-06-01T12:00:00.000Z');
  });

  it.each([
    'no-such-poll',
    '__proto__',
    'constructor',
    '%00',
    'x'.repeat(3_000),
    'Best-Friend',
    '..%2F..%2Fetc',
  ])('answers 404 for "%s", without a cookie', async (key) => {
    const answer = await makeApp().request.get(`/api/polls/${key}`).expect(404);
    expect(answer.body.type).toBe('/problems/unknown-poll');
    expect(cookiesOf(answer).size).toBe(0);
  });

  it.each(['%', '%E0%A4%A', '%ff', '%zz'])('answers 400 for the malformed address "%s"', async (key) => {
    const { request } = makeApp();
    for (const answer of [
      await request.get(`/api/polls/${key}`),
      await request.post(`/api/polls/${key}/ballots`).send({ choices: ['a'] }),
    ]) {
      expect([answer.status, answer.body.type]).toEqual([400, '/problems/malformed']);
    }
  });
});

describe('POST /api/polls/:poll/ballots', () => {
  it('accepts a ballot with 202 and a receipt that names the voter and the ballot, never the choice', async () => {
    const { voter, ballots, metric } = await withVoter();
    const answer = await voter
      .post(BALLOTS)
      .send({ choices: ['b'] })
      .expect(202);
    expect(Object.keys(answer.body)).toEqual(['status', 'receipt']);
    expect(answer.body.status).toBe('accepted');
    expect(ballots.appended).toEqual([
      { poll: 'best-friend', voter: expect.stringMatching(/^[0-9a-f]{32}$/), choices: ['b'] },
    ]);
    expect(readReceipt(receipts, answer.body.receipt)).toEqual({
      poll: 'best-friend',
      voter: Buffer.from(ballots.appended[0]!.voter, 'hex'),
      partition: 1,
      entryId: `${NOON + 1}-0`,
      index: 0,
    });
    expect(await metric('ballots_accepted_total')).toBe(1);
  });

  it('accepts the same choice again, and another one, from the same voter', async () => {
    const { voter, ballots } = await withVoter();
    for (const choice of ['a', 'a', 'b'])
      await voter
        .post(BALLOTS)
        .send({ choices: [choice] })
        .expect(202);
    expect(new Set(ballots.appended.map((ballot) => ballot.voter)).size).toBe(1);
  });

  it('accepts several choices where the poll takes several', async () => {
    const { voter, ballots } = await withVoter();
    await voter
      .post('/api/polls/lunch/ballots')
      .send({ choices: ['d', 'a'] })
      .expect(202);
    expect(ballots.appended[0]!.choices).toEqual(['d', 'a']);
  });

  it('accepts every way of writing the content type', async () => {
    const { voter } = await withVoter();
    for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']) {
      await voter.post(BALLOTS).set('Content-Type', type).send('{"choices":["a"]}').expect(202);
    }
  });

  it('needs the voter cookie on a browser poll, and does not give one', async () => {
    const { request, ballots, metric } = makeApp();
    const answer = await request.post(BALLOTS).send({ choices: ['a'] });
    expect([answer.status, answer.body.type]).toEqual([401, '/problems/no-voter']);
    expect(cookiesOf(answer).size).toBe(0);
    expect(ballots.appended).toEqual([]);
    expect(await metric('ballots_refused_total', { reason: 'no-voter' })).toBe(1);
  });

  it.each([
    ['over', 'poll-closed'],
    ['later', 'poll-not-yet-open'],
  ])('refuses a ballot in the poll "%s" with 403', async (poll, problem) => {
    const { voter, ballots, metric } = await withVoter();
    const answer = await voter.post(`/api/polls/${poll}/ballots`).send({ choices: ['a'] });
    expect([answer.status, answer.body.type]).toEqual([403, `/problems/${problem}`]);
    expect(ballots.appended).toEqual([]);
    expect(await metric('ballots_refused_total', { reason: problem })).toBe(1);
  });

  it.each([
    ['no choice', 'best-friend', []],
    ['an unknown choice', 'best-friend', ['c']],
    ['the label in place of the key', 'best-friend', ['Cats']],
    ['another case', 'best-friend', ['A']],
    ['a NUL byte', 'best-friend', ['\u0000']],
    ['a NUL byte after a choice', 'best-friend', ['a\u0000']],
    ['half a character', 'best-friend', ['\ud800']],
    ['3,900 characters', 'best-friend', ['x'.repeat(3_900)]],
    ['__proto__', 'best-friend', ['__proto__']],
    ['constructor', 'best-friend', ['constructor']],
    ['an empty text', 'best-friend', ['']],
    ['too many', 'best-friend', ['a', 'b']],
    ['one twice', 'best-friend', ['a', 'a']],
    ['one twice where several may be chosen', 'lunch', ['a', 'a']],
    ['too few', 'lunch', ['a']],
    ['too many of several', 'lunch', ['a', 'b', 'c', 'd']],
    ['a thousand', 'lunch', Array.from({ length: 1_000 }, () => 'a')],
  ])('refuses %s with 422, and does not repeat it', async (_, poll, choices) => {
    const { voter, ballots, metric } = await withVoter();
    const answer = await voter.post(`/api/polls/${poll}/ballots`).send({ choices });
    expect([answer.status, answer.body.type]).toEqual([422, '/problems/choices-refused']);
    expect(answer.text.length).toBeLessThan(400);
    expect(ballots.appended).toEqual([]);
    expect(await metric('ballots_refused_total', { reason: 'choices-refused' })).toBe(1);
  });

  it.each([
    ['broken JSON', '{"choices":["a"]'],
    ['no JSON', 'choices=a'],
    ['nothing', ''],
    ['a NUL byte alone', '\u0000'],
    ['a list', '["a"]'],
    ['null', 'null'],
    ['a text', '"a"'],
    ['no choices', '{}'],
    ['choices that are a text', '{"choices":"a"}'],
    ['choices that are null', '{"choices":null}'],
    ['choices that are an object', '{"choices":{"0":"a","length":1}}'],
    ['a choice that is a number', '{"choices":[1]}'],
    ['a choice that is a list', '{"choices":[["a"]]}'],
    ['a field too many', '{"choices":["a"],"voter":"me"}'],
    ['__proto__ in place of choices', '{"__proto__":{"choices":["a"]}}'],
    ['deep nesting', '['.repeat(2_000)],
  ])('refuses %s with 400', async (_, body) => {
    const { voter, ballots, metric } = await withVoter();
    const answer = await voter.post(BALLOTS).set('Content-Type', 'application/json').send(body);
    expect([answer.status, answer.body.type]).toEqual([400, '/problems/malformed']);
    expect(ballots.appended).toEqual([]);
    expect(await metric('ballots_refused_total', { reason: 'malformed' })).toBe(1);
  });

  it.each([
    ['text/plain', '{"choices":["a"]}'],
    ['application/x-www-form-urlencoded', 'vote=a'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/json; charset=iso-8859-1', '{"choices":["a"]}'],
    ['application/json; charset=utf-16', '{"choices":["a"]}'],
    ['application/problem+json', '{"choices":["a"]}'],
    ['application/jsonp', '{"choices":["a"]}'],
    ['json', '{"choices":["a"]}'],
    ['', '{"choices":["a"]}'],
  ])('refuses the content type "%s" with 415', async (type, body) => {
    const { voter, ballots } = await withVoter();
    const answer = await voter.post(BALLOTS).set('Content-Type', type).send(body);
    expect([answer.status, answer.body.type]).toEqual([415, '/problems/unsupported-media-type']);
    expect(ballots.appended).toEqual([]);
  });

  it('refuses a compressed body with 415', async () => {
    const { voter } = await withVoter();
    const answer = await voter
      .post(BALLOTS)
      .set({ 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
      .serialize((body) => body)
      .send(gzipSync('{"choices":["a"]}') as never);
    expect(answer.status).toBe(415);
  });

  it('reads 4096 bytes and refuses one more with 413, whether or not the length is told', async () => {
    const { voter, ballots, metric } = await withVoter();
    const body = (length: number) => `{"choices":["a"]${' '.repeat(length - 17)}}`;
    const post = () => voter.post(BALLOTS).set('Content-Type', 'application/json');
    await post().send(body(4_096)).expect(202);
    const told = await post().send(body(4_097));
    expect([told.status, told.body.type]).toEqual([413, '/problems/too-large']);
    const chunked = post().set('Transfer-Encoding', 'chunked');
    chunked.write(body(4_097));
    expect((await chunked).status).toBe(413);
    const tenThousand = await voter.post(BALLOTS).send({ choices: ['x'.repeat(10_000)] });
    expect(tenThousand.status).toBe(413);
    expect(ballots.appended).toHaveLength(1);
    expect(await metric('ballots_refused_total', { reason: 'too-large' })).toBe(3);
  });

  it('refuses an unknown poll with 404', async () => {
    const { voter, metric } = await withVoter();
    for (const poll of ['nope', '__proto__', '%00']) {
      const answer = await voter.post(`/api/polls/${poll}/ballots`).send({ choices: ['a'] });
      expect([answer.status, answer.body.type]).toEqual([404, '/problems/unknown-poll']);
    }
    expect(await metric('ballots_refused_total', { reason: 'unknown-poll' })).toBe(3);
  });

  it('checks in a fixed order, so that the first thing wrong is the one that is told', async () => {
    const { request, voter, ballots } = await withVoter();
    const send = (client: typeof request, poll: string, body: string, headers = {}) =>
      client
        .post(`/api/polls/${poll}/ballots`)
        .set({ 'Content-Type': 'application/json', ...headers })
        .send(body);
    const long = 'x'.repeat(5_000);
    const bad = { 'Content-Type': 'text/plain' };
    const statuses = [
      await send(request, 'nope', long, { ...bad, 'Sec-Fetch-Site': 'cross-site' }),
      await send(request, 'nope', long, bad),
      await send(request, 'nope', long),
      await send(request, 'nope', '{'),
      await send(request, 'nope', '{"choices":["z"]}'),
      await send(request, 'over', '{"choices":["z"]}'),
      await send(voter as never, 'over', '{"choices":["z"]}'),
      await send(voter as never, 'best-friend', '{"choices":["z"]}'),
    ].map((answer) => answer.status);
    expect(statuses).toEqual([403, 415, 413, 400, 404, 401, 403, 422]);
    expect(ballots.appended).toEqual([]);
  });
});

describe('the answer to what became of the append', () => {
  it.each([
    [{ outcome: 'poll-closed' }, 403, 'poll-closed'],
    [{ outcome: 'poll-not-yet-open' }, 403, 'poll-not-yet-open'],
    [{ outcome: 'unconfirmed' }, 503, 'unconfirmed'],
    ...NOT_ACCEPTED_REASONS.map(
      (reason) => [{ outcome: 'not-accepted', reason }, 503, 'not-accepted'] as const,
    ),
  ] as const)('%j is a %i of the type %s', async (outcome, status, problem) => {
    const { voter, ballots, metric } = await withVoter();
    ballots.answer = outcome;
    const answer = await voter.post(BALLOTS).send({ choices: ['a'] });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.body).toMatchObject({ type: `/problems/${problem}`, status, title: expect.any(String) });
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
    expect(answer.body.retryAfter).toBe(status === 503 ? 1 : undefined);
    expect(await metric('ballots_refused_total', { reason: problem })).toBe(1);
    expect(await metric('ballots_accepted_total')).toBe(0);
    if ('reason' in outcome) {
      expect(await metric('ballots_not_accepted_total', { cause: outcome.reason })).toBe(1);
    }
  });

  it('says of an unconfirmed ballot that a second try cannot count twice, where that is true', async () => {
    const { voter, request, ballots } = await withVoter();
    ballots.answer = { outcome: 'unconfirmed' };
    const promise = 'We could not confirm your ballot. Try again; it cannot count twice.';
    expect((await voter.post(BALLOTS).send({ choices: ['a'] })).body.detail).toBe(promise);
    const withKey = await request
      .post(OPEN_BALLOTS)
      .set('Idempotency-Key', 'k')
      .send({ choices: ['a'] });
    expect(withKey.body.detail).toBe(promise);
    const without = await request.post(OPEN_BALLOTS).send({ choices: ['a'] });
    expect(without.body.detail).toMatch(/both may count/);
    expect(without.body.detail).not.toContain('cannot count twice');
  });

  it('is a 500 that reveals nothing and is logged once with its id, should the append throw', async () => {
    const { voter, ballots, logged, metric } = await withVoter();
    ballots.answer = new Error('secret inner words');
    const answer = await voter.post(BALLOTS).send({ choices: ['a'] });
    expect([answer.status, answer.body.type]).toEqual([500, '/problems/internal']);
    expect(answer.text).not.toContain('secret inner words');
    const id = answer.headers['x-request-id'] as string;
    expect(answer.body.detail).toContain(id);
    const errors = logged()
      .split('\n')
      .filter((line) => line.includes('secret inner words'));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(id);
    expect(await metric('ballots_refused_total', { reason: 'internal' })).toBe(1);
  });

  it.each([
    ['a browser poll', BALLOTS, {}, /it may count\. Try again; it cannot count twice\./],
    [
      'an open poll',
      OPEN_BALLOTS,
      { 'Idempotency-Key': 'k' },
      /it may count\. Try again; it cannot count twice/,
    ],
    ['an open poll without a key', OPEN_BALLOTS, {}, /it may count\..*both may count/],
  ])('should the append throw, says in %s what a second try does', async (_, path, headers, words) => {
    const { voter, ballots } = await withVoter();
    ballots.answer = new Error('after the append');
    const { body } = await voter
      .post(path)
      .set(headers)
      .send({ choices: ['a'] })
      .expect(500);
    expect(body.detail).toMatch(words);
    expect(body.detail).not.toMatch(/accepted/);
  });

  it('speaks of no ballot where a request that brings none fails', async () => {
    const { request, ballots } = makeApp();
    ballots.polls = () => {
      throw new Error('inside');
    };
    const { body } = await request.get('/api/polls').expect(500);
    expect(body.detail).toMatch(/^If it goes on, tell the host this number: [0-9a-f-]{36}$/);
  });

  it('is a 503 while no polls are known: "unavailable", and for a ballot that it was not accepted', async () => {
    const { voter, ballots, metric } = await withVoter();
    ballots.known = undefined;
    for (const [answer, problem] of [
      [await voter.get('/api/polls'), 'unavailable'],
      [await voter.get('/api/polls/best-friend'), 'unavailable'],
      [await voter.post(BALLOTS).send({ choices: ['a'] }), 'not-accepted'],
    ] as const) {
      expect([answer.status, answer.body.type]).toEqual([503, `/problems/${problem}`]);
      expect([answer.headers['retry-after'], answer.body.retryAfter]).toEqual(['1', 1]);
      expect(/was not accepted and does not count/.test(answer.body.detail)).toBe(problem === 'not-accepted');
    }
    expect(await metric('ballots_refused_total', { reason: 'not-accepted' })).toBe(1);
    expect(await metric('ballots_not_accepted_total', { cause: 'unreachable' })).toBe(1);
  });
});

describe('an open poll', () => {
  it('takes every ballot without a key for a new voter, cookie or not', async () => {
    const { voter, ballots } = await withVoter();
    for (let i = 0; i < 3; i++)
      await voter
        .post(OPEN_BALLOTS)
        .send({ choices: ['a'] })
        .expect(202);
    expect(new Set(ballots.appended.map((ballot) => ballot.voter)).size).toBe(3);
  });

  it('takes ballots with the same Idempotency-Key for the same voter, whoever sends them', async () => {
    const { request, voter, ballots } = await withVoter();
    const cast = (client: typeof request, key: string) =>
      client
        .post(OPEN_BALLOTS)
        .set('Idempotency-Key', key)
        .send({ choices: ['a'] })
        .expect(202);
    await cast(request, 'one');
    await cast(voter as never, 'one');
    await cast(request, 'two');
    const [first, second, third] = ballots.appended.map((ballot) => ballot.voter);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it.each(['x', '!~ "quoted" ~!', 'x'.repeat(200)])('takes the key %j', async (key) => {
    await makeApp()
      .request.post(OPEN_BALLOTS)
      .set('Idempotency-Key', key)
      .send({ choices: ['a'] })
      .expect(202);
  });

  it.each(['', 'x'.repeat(201), 'schl\u00fcssel', 'tab\tinside'])(
    'refuses the key %j with 400',
    async (key) => {
      const { request, ballots } = makeApp();
      const answer = await request
        .post(OPEN_BALLOTS)
        .set('Idempotency-Key', key)
        .send({ choices: ['a'] });
      expect([answer.status, answer.body.type]).toEqual([400, '/problems/malformed']);
      expect(ballots.appended).toEqual([]);
    },
  );

  it('is the only kind that heeds the key: a browser is one voter with any number of them', async () => {
    const { voter, ballots } = await withVoter();
    for (const key of ['one', 'two', '', 'x'.repeat(300), 'schl\u00fcssel']) {
      await voter
        .post(BALLOTS)
        .set('Idempotency-Key', key)
        .send({ choices: ['a'] })
        .expect(202);
    }
    expect(new Set(ballots.appended.map((ballot) => ballot.voter)).size).toBe(1);
  });
});

describe('anything else below /api', () => {
  it.each([
    ['get', '/api'],
    ['get', '/api/'],
    ['get', '/api/nothing'],
    ['put', '/api/polls/best-friend'],
    ['delete', BALLOTS],
    ['get', BALLOTS],
    ['post', '/api/polls'],
  ] as const)('%s %s is a 404', async (method, path) => {
    const answer = await makeApp().request[method](path);
    expect(answer.status).toBe(404);
    if (path !== '/api') expect(answer.body.type).toBe('/problems/not-found');
  });
});
