import type { Test } from 'supertest';
import { describe, expect, it } from 'vitest';
import { cookiesOf, makeApp, makeKey } from '../support/app.ts';

const allow = { voterPerMinute: 3, voterPerHour: 100, addressPerMinute: 10, addressPerHour: 1_000 };

/** An app behind one trusted proxy that does not let this machine pass, and its clients. */
function limited(limits: Parameters<typeof makeApp>[0]['limits'] = {}, trustProxy: number | string[] = 1) {
  const made = makeApp({ trustProxy, limits: { allow, ...limits } });
  const from = (address: string) => (test: Test) => test.set('X-Forwarded-For', address);
  /** A new voter casts one ballot through the API. */
  const castNew = async (address: string, headers: Record<string, string> = {}) => {
    const voter = made.browser();
    await from(address)(voter.get('/api/polls/best-friend'));
    return from(address)(voter.post('/api/polls/best-friend/ballots').set(headers)).send({ choices: ['a'] });
  };
  const exhaust = async (address: string) => {
    for (let i = 0; i < allow.addressPerMinute; i++) expect((await castNew(address)).status).toBe(202);
    expect((await castNew(address)).status).toBe(429);
  };
  return { ...made, from, castNew, exhaust };
}

const problemOf = (answer: { status: number; body: { type: string } }) => [answer.status, answer.body.type];
const TOO_MANY = [429, '/problems/too-many-requests'];

describe('one voter', () => {
  it('may change their mind, but not hammer; is told when to go on; and nothing of it is appended', async () => {
    const { browser, from, ballots, metric } = limited();
    const voter = browser();
    await voter.get('/');
    // A new address each time: what is limited is the voter.
    const cast = (n: number) =>
      from(`198.51.100.${n}`)(voter.post('/api/polls/best-friend/ballots')).send({ choices: ['a'] });
    for (let i = 0; i < 3; i++) expect((await cast(i)).status).toBe(202);
    const answer = await cast(4);
    expect(problemOf(answer)).toEqual(TOO_MANY);
    expect(answer.body.retryAfter).toBeGreaterThan(50);
    expect(answer.headers['retry-after']).toBe(String(answer.body.retryAfter));
    expect(answer.body.detail).toMatch(
      /^You have voted many times .*not accepted.*Try again in \d+ seconds\./,
    );
    expect(ballots.appended).toHaveLength(3);
    expect(await metric('ballots_refused_total', { reason: 'too-many-requests' })).toBe(1);
    expect(await metric('ballots_over_limit_total', { limit: 'voter-minute' })).toBe(1);
    expect(await metric('ballots_accepted_total')).toBe(3);
  });

  it('may do so for a while, but not for hours', async () => {
    const { browser, from } = limited({ allow: { ...allow, voterPerMinute: 10, voterPerHour: 4 } });
    const voter = browser();
    const here = from('203.0.113.7');
    await here(voter.get('/'));
    const vote = () => here(voter.post('/')).type('form').send('vote=a');
    for (let i = 0; i < 4; i++) await vote().expect(303);
    const { text } = await vote().expect(429);
    expect(text).toMatch(/You have voted many times within an hour\. .*Try again in 60 minutes\./);
  });

  it('has a budget for each poll, and in an open poll for each key of a ballot', async () => {
    const { browser, from } = limited();
    const voter = browser();
    await voter.get('/');
    const cast = async (poll: string, choices: string[], key?: string) => {
      const post = from('198.51.100.1')(voter.post(`/api/polls/${poll}/ballots`));
      return (await (key ? post.set('Idempotency-Key', key) : post).send({ choices })).status;
    };
    for (let i = 0; i < 3; i++) expect(await cast('best-friend', ['a'])).toBe(202);
    expect(await cast('best-friend', ['a'])).toBe(429);
    expect(await cast('lunch', ['a', 'b'])).toBe(202);
    for (let i = 0; i < 3; i++) expect(await cast('show-of-hands', ['a'], 'one')).toBe(202);
    expect(await cast('show-of-hands', ['a'], 'one')).toBe(429);
    expect(await cast('show-of-hands', ['a'], 'two')).toBe(202);
  });
});

describe('one network', () => {
  it('is refused more than its share, in words of its own; others are not', async () => {
    const { castNew, exhaust, metric } = limited();
    await exhaust('203.0.113.7');
    const answer = await castNew('203.0.113.7');
    expect(problemOf(answer)).toEqual(TOO_MANY);
    expect(answer.body.detail).toMatch(
      /^Very many ballots .* network .*not accepted.*Try again in \d+ seconds\./,
    );
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(50);
    expect((await castNew('203.0.113.8')).status).toBe(202);
    expect(await metric('ballots_over_limit_total', { limit: 'address-minute' })).toBe(2);
  });

  it('is told in minutes where it has to wait long', async () => {
    const { castNew } = limited({ allow: { ...allow, addressPerHour: 1 } });
    expect((await castNew('203.0.113.7')).status).toBe(202);
    const answer = await castNew('203.0.113.7');
    expect(answer.body.detail).toMatch(/Try again in 60 minutes\./);
    expect(answer.body.retryAfter).toBeGreaterThan(3_590);
  });

  it('is 64 bits of IPv6: a bot cannot walk through its own addresses', async () => {
    const { castNew } = limited();
    for (let i = 0; i < 10; i++) expect((await castNew(`2001:db8:1:2::${i}`)).status).toBe(202);
    expect((await castNew('2001:db8:1:2:ffff::1')).status).toBe(429);
    expect((await castNew('2001:db8:1:3::1')).status).toBe(202);
  });

  it('is the same for an IPv4 address, however a proxy writes it', async () => {
    const { castNew, exhaust } = limited();
    await exhaust('203.0.113.7');
    for (const same of ['::ffff:203.0.113.7', '::ffff:cb00:7107', '203.0.113.7:4711']) {
      expect((await castNew(same)).status).toBe(429);
    }
  });

  it('cannot be made up: without TRUST_PROXY nobody heeds what X-Forwarded-For says', async () => {
    const { castNew, logged } = limited({}, 0);
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push((await castNew(`203.0.113.${i}`)).status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(10);
    // What an operator whose proxy was forgotten needs to know.
    expect(logged().match(/set TRUST_PROXY/g)).toHaveLength(1);
  });

  it('cannot be made up behind a proxy either: what stands before its word is the client’s own', async () => {
    const { castNew, logged } = limited();
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push((await castNew(`198.51.100.${i}, 203.0.113.7`)).status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(10);
    expect(logged()).not.toContain('TRUST_PROXY');
  });

  it('does not keep those who have voted on a page from changing their minds, when a bot has used it up', async () => {
    const { browser, castNew, from, ballots } = limited();
    const here = from('203.0.113.7');
    const voter = browser();
    await here(voter.get('/'));
    await here(voter.post('/')).type('form').send('vote=a').expect(303);
    while ((await castNew('203.0.113.7')).status === 202);
    expect(
      (await here(browser().post('/api/polls/show-of-hands/ballots')).send({ choices: ['a'] })).status,
    ).toBe(429);
    await here(voter.post('/')).type('form').send('vote=b').expect(303);
    expect(ballots.appended.at(-1)).toMatchObject({ choices: ['b'] });
  });

  it('is not used up by those who have voted: a bot that votes again with all its receipts stops only itself', async () => {
    const { browser, castNew, from, metric } = limited();
    const here = from('203.0.113.7');
    const voteAs = async (voter: ReturnType<typeof browser>) =>
      (await here(voter.post('/')).type('form').send('vote=a')).status;
    const accepted = async () => {
      const voter = browser();
      await here(voter.get('/'));
      expect(await voteAs(voter)).toBe(303);
      return voter;
    };
    const honest = await accepted();
    const bots = [];
    for (let i = 0; i < 8; i++) bots.push(await accepted());
    for (const bot of bots) {
      const statuses: number[] = [];
      for (let i = 0; i < 5; i++) statuses.push(await voteAs(bot));
      expect(statuses).toEqual([303, 303, 429, 429, 429]);
    }
    expect(await metric('ballots_over_limit_total', { limit: 'voter-minute' })).toBe(24);
    expect(await voteAs(honest)).toBe(303);
    // And none of it was at the cost of those who have not voted: the tenth first ballot, then no more.
    expect((await castNew('203.0.113.7')).status).toBe(202);
    expect((await castNew('203.0.113.7')).status).toBe(429);
    expect(await voteAs(honest)).toBe(303);
  });

  it('pays for the ballots of all whose ballot cookie is forged, another voter’s or another poll’s', async () => {
    const { browser, exhaust, from } = limited();
    const here = from('203.0.113.7');
    const nameValue = (name: string, answer: Parameters<typeof cookiesOf>[0]) =>
      `${name}=${cookiesOf(answer).get(name)!.value}`;
    const newCookie = async () => nameValue('hbf_voter', await here(browser().get('/')));
    const submit = async (voter: string, form: string, poll: string) =>
      await here(browser().post(`/p/${poll}`))
        .set('Cookie', voter)
        .type('form')
        .send(form)
        .expect(303);
    const other = await newCookie();
    const mine = await newCookie();
    const theirs = nameValue('hbf_ballot_best-friend', await submit(other, 'vote=a', 'best-friend'));
    const elsewhere = `hbf_ballot_best-friend=${
      cookiesOf(await submit(mine, 'vote=a&vote=b', 'lunch')).get('hbf_ballot_lunch')!.value
    }`;
    const forged = theirs.replace(/.{4}$/, 'AAAA');
    await exhaust('198.51.100.1');
    const stopped = from('198.51.100.1');
    const status = async (voter: string, ballots: readonly string[]) =>
      (
        await stopped(browser().post('/p/best-friend'))
          .set('Cookie', [voter, ...ballots].join('; '))
          .type('form')
          .send('vote=a')
      ).status;
    for (const lies of [[], [theirs], [forged], [elsewhere], [forged, theirs, elsewhere]]) {
      expect(await status(mine, lies), lies.join()).toBe(429);
    }
    expect(await status(other, [forged])).toBe(429);
    expect(await status(other, [theirs])).toBe(303);
  });

  it('is not charged for what is refused for another reason', async () => {
    const { browser, castNew, exhaust, from, request } = limited();
    const here = from('203.0.113.7');
    const voter = browser();
    await here(voter.get('/'));
    for (let i = 0; i < 20; i++) {
      const post = (body: object | string) =>
        here(voter.post('/api/polls/best-friend/ballots')).type('json').send(body);
      expect((await post({ choices: ['z'] })).status).toBe(422);
      expect((await post('{')).status).toBe(400);
      expect(
        (await here(request.post('/api/polls/best-friend/ballots')).send({ choices: ['a'] })).status,
      ).toBe(401);
      expect((await here(voter.post('/api/polls/over/ballots')).send({ choices: ['a'] })).status).toBe(403);
    }
    await exhaust('203.0.113.7');
    // And the other way round: what is wrong with a ballot is told even to whoever sends too many.
    expect((await castNew('203.0.113.7')).status).toBe(429);
    expect((await here(voter.post('/api/polls/best-friend/ballots')).send({ choices: ['z'] })).status).toBe(
      422,
    );
  });
});

it.each([
  [{ outcome: 'not-accepted', reason: 'unreachable' }, 503],
  [{ outcome: 'unconfirmed' }, 503],
  [{ outcome: 'poll-closed' }, 403],
  [{ outcome: 'poll-not-yet-open' }, 403],
] as const)(
  'a ballot that the stream could or would not take (%o) is not counted',
  async (answer, status) => {
    const { ballots, castNew, exhaust, browser, from } = limited();
    const voter = browser();
    await voter.get('/');
    const cast = () =>
      from('203.0.113.7')(voter.post('/api/polls/best-friend/ballots')).send({ choices: ['a'] });
    ballots.answer = answer;
    for (let i = 0; i < 20; i++) {
      expect((await castNew('203.0.113.7')).status).toBe(status);
      expect((await cast()).status).toBe(status);
    }
    ballots.answer = undefined;
    await exhaust('203.0.113.7');
    ballots.answer = answer;
    expect((await castNew('203.0.113.7')).status).toBe(429);
  },
);

describe('a network that is used up', () => {
  const GATEWAY = '172.17.0.1';
  const WARNING = /All ballots so far came from one private address/g;

  it.each([GATEWAY, '10.0.2.2', '::ffff:192.168.65.1', 'fd12:3456::1'])(
    'is told of once where everybody has the same private address (%s): that of Docker’s bridge, it may be',
    async (address) => {
      const { castNew, exhaust, logged } = limited();
      await exhaust(address);
      await castNew(address);
      expect(logged().match(WARNING)).toHaveLength(1);
      expect(logged()).not.toContain(address);
    },
  );

  it('is not told of where others vote, or where the address is a public one', async () => {
    const lan = limited();
    await lan.castNew('192.168.1.20');
    await lan.exhaust('192.168.1.21');
    expect(lan.logged()).not.toMatch(WARNING);
    const alone = limited();
    await alone.exhaust('203.0.113.7');
    expect(alone.logged()).not.toMatch(WARNING);
  });
});

describe('the page', () => {
  it('says what happened and when to try again, with the choice still ticked, and works without JavaScript', async () => {
    const { browser, from, exhaust } = limited();
    const here = from('203.0.113.7');
    const voter = browser();
    await here(voter.get('/'));
    await exhaust('203.0.113.7');
    const answer = await here(voter.post('/p/best-friend')).type('form').send('vote=b');
    expect(answer.status).toBe(429);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(50);
    expect(answer.text).toContain('<h2 tabindex="-1">Too many at once</h2>');
    expect(answer.text).toMatch(
      /Very many ballots have just come from the network that you are in, yours or others&#39;\. The ballot was not accepted and does not count\. Try again in \d+ seconds\./,
    );
    expect(answer.text).toContain('<form method="post" action="/p/best-friend" data-send>');
    expect(answer.text).toMatch(/value="b" aria-current="true"/);
    expect(answer.text).toContain('Try again</button>');
  });

  it('keeps the key of an open poll’s form, so that the next try is the same voter’s', async () => {
    const { request, from, exhaust } = limited();
    await exhaust('203.0.113.7');
    const { text } = await from('203.0.113.7')(request.post('/p/show-of-hands'))
      .type('form')
      .send('vote=a&ballot-key=my-own-key')
      .expect(429);
    expect(text).toContain('value="my-own-key"');
  });
});

describe('who passes', () => {
  const crowdKeys = [makeKey('c2', 7), makeKey('c1', 9)];
  const shown = (byte: number, kid: string) => `${kid}:${Buffer.alloc(32, byte).toString('hex')}`;

  it('is whoever shows one of CROWD_KEYS, and is counted', async () => {
    const { castNew, exhaust, metric, logged } = limited({ crowdKeys });
    await exhaust('203.0.113.7');
    for (const key of [shown(7, 'c2'), shown(9, 'c1')]) {
      expect((await castNew('203.0.113.7', { 'Crowd-Key': key })).status).toBe(202);
    }
    expect(await metric('ballots_unlimited_total', { by: 'crowd-key' })).toBe(2);
    expect(logged()).toContain('CROWD_KEYS is set (c2, c1)');
    expect(logged()).not.toContain('0707');
  });

  it('is nobody who shows another key: that is no key at all, counted and said once', async () => {
    const { castNew, exhaust, metric, logged } = limited({ crowdKeys });
    await exhaust('203.0.113.7');
    const wrong = [shown(7, 'c1'), shown(8, 'c2'), shown(1, 'v1'), 'c2', 'c2:', '', 'x'.repeat(5_000)];
    for (const key of wrong) {
      expect((await castNew('203.0.113.7', { 'Crowd-Key': key })).status).toBe(429);
      expect((await castNew('203.0.113.99', { 'Crowd-Key': key })).status).toBe(202);
    }
    expect(await metric('crowd_keys_refused_total')).toBe(2 * wrong.length);
    expect(logged().match(/none of CROWD_KEYS/g)).toHaveLength(1);
    expect(logged()).not.toContain('0808');
  });

  it('is this machine itself outside production, and no proxy on it that hands on what others sent', async () => {
    const { request, metric } = limited({}, 0);
    const cast = async (headers: Record<string, string>) =>
      (
        await request
          .post('/api/polls/show-of-hands/ballots')
          .set(headers)
          .send({ choices: ['a'] })
      ).status;
    for (let i = 0; i < 30; i++) expect(await cast({})).toBe(202);
    expect(await metric('ballots_unlimited_total', { by: 'loopback' })).toBe(30);
    for (let i = 0; i < 10; i++) expect(await cast({ Forwarded: 'for=203.0.113.7' })).toBe(202);
    expect(await cast({ Forwarded: 'for=203.0.113.7' })).toBe(429);
    expect(await cast({ 'X-Forwarded-For': '127.0.0.1' })).toBe(429);
    expect(await cast({})).toBe(202);
  });

  it('is not this machine in production', async () => {
    const { request } = makeApp({ limits: { allow, loopbackPasses: false } });
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) {
      statuses.push((await request.post('/api/polls/show-of-hands/ballots').send({ choices: ['a'] })).status);
    }
    expect(statuses.filter((status) => status === 202)).toHaveLength(10);
  });

  it('is everybody where the limits are off, which is said at the start and shown by a metric', async () => {
    const { castNew, metric, logged } = limited({ on: false });
    expect(logged()).toContain('VOTE_LIMITS is off');
    for (let i = 0; i < 20; i++) expect((await castNew('203.0.113.7')).status).toBe(202);
    expect(await metric('limits_enabled')).toBe(0);
    expect(await metric('ballots_unlimited_total', { by: 'off' })).toBe(20);
    expect(await limited().metric('limits_enabled')).toBe(1);
  });
});
