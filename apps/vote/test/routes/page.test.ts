import { NOT_ACCEPTED_REASONS } from '@hbf/ballot-stream/producer';
import { closeServer, createHttpServer, listen } from '@hbf/service-kit/http-server';
import type supertest from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cookiesOf, makeApp, makeKey, voterKey } from '../support/app.ts';
import { makePoll, NOON } from '../support/polls.ts';

type Client = Pick<ReturnType<typeof supertest>, 'get' | 'post'>;

const vote = (client: Client, form: string, path = '/p/best-friend') =>
  client.post(path).type('form').send(form);

/** A test app and a browser that has opened the first page. */
async function withVoter() {
  const app = makeApp();
  const voter = app.browser();
  await voter.get('/').expect(200);
  return { ...app, voter };
}

/** The inputs of a page's forms, and the buttons that choose: [name, value, whether it is marked as chosen]. */
function inputs(html: string): [name: string, value: string, chosen: boolean][] {
  return [...html.matchAll(/<(?:input|button)[^>]* name="([^"]*)" value="([^"]*)"[^>]*>/g)].map(
    ([tag, name, value]) => [name!, value!, / checked| aria-current="true"/.test(tag)],
  );
}

const hiddenKey = (html: string) => inputs(html).find(([name]) => name === 'ballot-key')?.[1];

describe('the page of a poll', () => {
  it('shows question, options and rules, and posts to the poll that it shows', async () => {
    for (const path of ['/', '/p/best-friend']) {
      const { text, headers } = await makeApp().request.get(path).expect(200);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['cache-control']).toBe('no-store');
      expect(text).toMatch(/^<!doctype html>\s*<html lang="en">/);
      expect(text).toContain('<title>Cats or dogs? – HumansBestFriend</title>');
      expect(text).toContain('<h1 dir="auto">Cats or dogs?</h1>');
      expect(text).toContain('<form method="post" action="/p/best-friend" data-send>');
      expect(inputs(text)).toEqual([
        ['vote', 'a', false],
        ['vote', 'b', false],
      ]);
      expect(text).toMatch(/One vote per browser\..*cannot stop/);
    }
  });

  it('offers one choice as buttons that vote at once and several as checkboxes, and says how many', async () => {
    const { request, ballots } = makeApp();
    const show = async (choices: { min: number; max: number }) => {
      ballots.known = [
        { ...makePoll({ choices }), options: ['x', 'y', 'z'].map((key) => ({ key, label: key })) },
      ];
      const { text } = await request.get('/');
      return [/type="([a-z]*)"[^>]* name="vote"/.exec(text)![1], /<legend>(.*)<\/legend>/.exec(text)![1]];
    };
    expect(await show({ min: 1, max: 1 })).toEqual(['submit', 'Choose one']);
    expect(await show({ min: 1, max: 2 })).toEqual(['checkbox', 'Choose up to 2']);
    expect(await show({ min: 2, max: 3 })).toEqual(['checkbox', 'Choose 2 to 3']);
    expect(await show({ min: 2, max: 2 })).toEqual(['checkbox', 'Choose 2']);
    expect(await show({ min: 1, max: 3 })).toEqual(['checkbox', 'Choose as many as you like']);
  });

  it('escapes whatever a host wrote', async () => {
    const { request, ballots } = makeApp();
    const evil = `<script>alert(1)</script>"'&`;
    ballots.known = [
      makePoll({
        question: evil,
        options: [
          { key: 'a', label: evil },
          { key: 'b', label: 'B' },
        ],
      }),
    ];
    const { text } = await request.get('/');
    expect(text).not.toContain('<script>alert');
    expect(text.match(/&lt;script&gt;alert\(1\)/g)!.length).toBeGreaterThanOrEqual(3);
  });

  it('leads to the other polls, saying which cannot be voted in', async () => {
    const { text } = await makeApp().request.get('/p/lunch');
    const nav = /<nav class="others"[\s\S]*<\/nav>/.exec(text)![0];
    const listed = (html: string) =>
      [...html.matchAll(/<a href="(\/p\/[^"]*)"><strong[^>]*>([^<]*)<\/strong> <small[^>]*>([^<]*)</g)].map(
        (match) => match.slice(1),
      );
    const others = [
      ['/p/best-friend', 'Cats or dogs?', 'open'],
      ['/p/show-of-hands', 'Tea or coffee?', 'open'],
      ['/p/over', 'Was it good?', 'closed'],
      ['/p/later', 'Will it be?', 'not open yet'],
    ];
    expect(listed(nav)).toEqual(others);
    expect(nav).toContain('<a href="/polls">All polls</a>');
    const index = (await makeApp().request.get('/polls').expect(200)).text;
    expect(listed(index)).toEqual([
      ...others.slice(0, 2),
      ['/p/lunch', 'What could you eat?', 'open'],
      ...others.slice(2),
    ]);
  });

  it('has no list of polls where there is only one', async () => {
    const { request, ballots } = makeApp();
    ballots.known = [makePoll()];
    expect((await request.get('/')).text).not.toContain('<nav class="others"');
  });

  it('of a closed and of a scheduled poll says since when or from when, and has no form', async () => {
    const { request, ballots } = makeApp();
    const closed = (await request.get('/p/over').expect(200)).text;
    expect(closed).toContain('This poll is closed');
    expect(closed).toContain('<time datetime="2026-06-01T12:00:00.000Z">1 Jun 2026, 12:00 UTC</time>');
    const scheduled = (await request.get('/p/later').expect(200)).text;
    expect(scheduled).toContain('not open yet');
    expect(scheduled).toMatch(/Voting opens: <time datetime="2026-06-01T12:00:00.001Z">/);
    expect(closed + scheduled).not.toMatch(/<form|<input|<button/);
    ballots.time = NOON - 60_000;
    expect((await request.get('/p/over')).text).toMatch(/Voting closes: <time datetime="2026-06-01T12:00/);
  });

  it.each(['/p/nope', '/p/__proto__', '/p/%00', `/p/${'x'.repeat(3_000)}`, '/p/', '/p'])(
    'is a 404 in words at %s',
    async (path) => {
      const answer = await makeApp().request.get(path).expect(404);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.text).toContain('<h1 tabindex="-1">There is ');
    },
  );

  it.each(['/p/%', '/p/%E0%A4%A', '/p/%ff'])(
    'is a 400 in words at the malformed address %s',
    async (path) => {
      for (const answer of [
        await makeApp().request.get(path),
        await vote(makeApp().request, 'vote=a', path),
      ]) {
        expect(answer.status).toBe(400);
        expect(answer.text).toContain('<h1 tabindex="-1">The request is malformed</h1>');
      }
    },
  );

  it('is a 503 in words, with a way to try again, while no polls are known', async () => {
    const { request, ballots } = makeApp();
    ballots.known = undefined;
    for (const path of ['/', '/p/best-friend']) {
      const answer = await request.get(path).expect(503);
      expect(answer.headers['retry-after']).toBe('1');
      expect(answer.text).toContain(`<a class="button" href="${path}">Try again</a>`);
    }
  });
});

describe('the result link', () => {
  const resultLink = (html: string) => /href="([^"]*)">Watch the result</.exec(html)?.[1];
  const shown = async (host: string, config = {}) =>
    resultLink((await makeApp(config).request.get('/').set('Host', host)).text);

  it('leads to the configured place', async () => {
    const config = { publicResultUrl: 'https://result.example.org' };
    expect(await shown('anything', config)).toBe('https://result.example.org/p/best-friend');
  });

  it.each([
    ['localhost:5002', 'http://localhost:5001/p/best-friend'],
    ['192.168.0.7:5002', 'http://192.168.0.7:5001/p/best-friend'],
    ['[fe80::1]:5002', 'http://[fe80::1]:5001/p/best-friend'],
    ['VOTE.Example.org', 'http://vote.example.org:5001/p/best-friend'],
  ])('follows the host name %s that the client used', async (host, link) => {
    expect(await shown(host)).toBe(link);
  });

  it.each([
    "x; script-src 'unsafe-inline'",
    'x y',
    'x"><script>',
    'user@evil.example',
    'evil.example/path',
    'x,y',
    '-',
    '[::1',
    '[zz]',
    '[1.2.3.4]',
    'a:b',
    'a:123456',
    'x'.repeat(300),
  ])(
    'is left out for the host %j, which goes nowhere: not into the page, not into the headers',
    async (host) => {
      const answer = await makeApp().request.get('/').set('Host', host).expect(200);
      expect(resultLink(answer.text)).toBeUndefined();
      expect(answer.text).not.toContain(host.slice(0, 290) === host && host.length > 2 ? host : '\0');
      expect(answer.headers['content-security-policy']).toMatch(/connect-src 'self' 'self'(;|$)/);
    },
  );

  it('speaks https where a trusted proxy says so, and not where a client does', async () => {
    const get = (trustProxy: number | string[]) =>
      makeApp({ trustProxy }).request.get('/').set({ Host: 'vote.lan', 'X-Forwarded-Proto': 'https' });
    expect(resultLink((await get(1)).text)).toMatch(/^https:/);
    expect(resultLink((await get(0)).text)).toMatch(/^http:/);
    expect(resultLink((await get(['192.0.2.1'])).text)).toMatch(/^http:/);
  });
});

describe('a form', () => {
  it('is answered with 303 to the same page, which confirms the choice and shows the receipt', async () => {
    for (const [action, location] of [
      ['/', '/'],
      ['/p/best-friend', '/p/best-friend'],
      // A browser would take what follows for a host.
      ['//', '/'],
      ['/p/best-friend/', '/p/best-friend'],
    ] as const) {
      const { voter, ballots } = await withVoter();
      const posted = await vote(voter, 'vote=b', action);
      expect(posted.status).toBe(303);
      expect(posted.headers.location).toBe(location);
      expect(ballots.appended).toMatchObject([{ poll: 'best-friend', choices: ['b'] }]);

      const { text } = await voter.get(location).set('Host', 'vote.lan:5002').expect(200);
      expect(text).toContain('Your ballot was accepted');
      expect(text).toContain('You chose <strong dir="auto">Dogs</strong>.');
      const receipt = /<code>([^<]*)<\/code>/.exec(text)![1]!;
      expect(receipt).toMatch(/^[A-Za-z0-9_-]+\.r1\.[A-Za-z0-9_-]{22}$/);
      expect(text).toContain(`href="http://vote.lan:5001/receipts/${receipt}"`);
      expect(text).toContain(`data-receipt="http://vote.lan:5001/api/receipts/${receipt}"`);
      expect(inputs(text)).toEqual([
        ['vote', 'a', false],
        ['vote', 'b', true],
      ]);
      expect(text).toMatch(/<details class="change">\s*<summary>Change my vote<\/summary>/);
      expect(text).not.toContain('=&quot;');
    }
  });

  it('sets nothing but the ballot cookie: out of reach of scripts, for this poll, for long', async () => {
    const { voter } = await withVoter();
    const cookies = cookiesOf(await vote(voter, 'vote=a'));
    expect([...cookies.keys()]).toEqual(['hbf_ballot_best-friend']);
    const { attributes } = cookies.get('hbf_ballot_best-friend')!;
    expect(attributes).toEqual(
      expect.arrayContaining(['HttpOnly', 'SameSite=Lax', 'Path=/', 'Max-Age=34560000']),
    );

    const secure = makeApp({ publicVoteUrl: 'https://vote.example.org' });
    const posted = await vote(secure.request, 'vote=a', '/p/show-of-hands');
    const name = '__Host-hbf_ballot_show-of-hands';
    expect([...cookiesOf(posted).keys()]).toEqual([name]);
    expect(cookiesOf(posted).get(name)!.attributes).toContain('Secure');
  });

  it('changes the vote when it is sent again with another choice', async () => {
    const { voter, ballots } = await withVoter();
    await vote(voter, 'vote=a');
    await vote(voter, 'vote=b');
    expect((await voter.get('/p/best-friend')).text).toContain('You chose <strong dir="auto">Dogs</strong>.');
    expect(new Set(ballots.appended.map((ballot) => ballot.voter)).size).toBe(1);
  });

  it('carries several choices as a repeated field', async () => {
    const { voter, ballots } = await withVoter();
    await vote(voter, 'vote=d&vote=a&vote=b', '/p/lunch').expect(303);
    expect(ballots.appended[0]!.choices).toEqual(['d', 'a', 'b']);
    expect((await voter.get('/p/lunch')).text).toContain(
      'You chose <strong dir="auto">Soup</strong>, <strong dir="auto">Salad</strong> and <strong dir="auto">Rice</strong>.',
    );
  });

  it('may have fields that mean nothing', async () => {
    const { voter, ballots } = await withVoter();
    await vote(voter, `vote=a&ballot-key=${'x'.repeat(300)}`).expect(303);
    ballots.appended.length = 0;
    await vote(voter, 'vote=a&voter=me&poll=over&vote[]=b&__proto__=x&choices=b').expect(303);
    expect(ballots.appended).toMatchObject([{ poll: 'best-friend', choices: ['a'] }]);
  });

  it.each([
    ['nothing chosen', '', 'Nothing was chosen. Choose an option.'],
    ['an empty choice', 'vote=', 'does not have one of the chosen options'],
    ['an unknown choice', 'vote=c', 'does not have one of the chosen options'],
    ['a NUL byte', 'vote=%00', 'does not have one of the chosen options'],
    ['a NUL byte after a choice', 'vote=a%00', 'does not have one of the chosen options'],
    ['malformed escapes', 'vote=%E0%A4%A&vote=%', 'does not have one of the chosen options'],
    ['__proto__', 'vote=__proto__', 'does not have one of the chosen options'],
    ['4,000 characters', `vote=${'x'.repeat(4_000)}`, 'does not have one of the chosen options'],
    ['500 fields', 'vote=a&'.repeat(500), 'One option was chosen twice'],
    ['too many', 'vote=a&vote=b', 'Choose one option only.'],
    ['one twice', 'vote=a&vote=a', 'One option was chosen twice'],
  ])('with %s gets the page again with 422 and what is wrong', async (_, form, words) => {
    const { voter, ballots, metric } = await withVoter();
    const answer = await vote(voter, form);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain(words);
    expect(inputs(answer.text).map(([name]) => name)).toEqual(['vote', 'vote']);
    expect(answer.text.length).toBeLessThan(6_000);
    expect(cookiesOf(answer).size).toBe(0);
    expect(ballots.appended).toEqual([]);
    expect(await metric('ballots_refused_total', { reason: 'choices-refused' })).toBe(1);
  });

  it('says how many to choose where the number is wrong', async () => {
    const { voter } = await withVoter();
    expect((await vote(voter, 'vote=a', '/p/lunch')).text).toContain('Choose at least 2 options.');
    const tooMany = await vote(voter, 'vote=a&vote=b&vote=c&vote=d', '/p/lunch');
    expect(tooMany.text).toContain('Choose at most 3 options.');
    expect(inputs(tooMany.text).every(([, , checked]) => checked)).toBe(true);
  });

  it('from a browser without the cookie gets a 401 page that leads to the one that gives it', async () => {
    const { request, ballots } = makeApp();
    for (const path of ['/', '/p/best-friend']) {
      const answer = await vote(request, 'vote=a', path);
      expect(answer.status).toBe(401);
      expect(answer.text).toContain('by a cookie that comes with the page');
      expect(answer.text).toContain('href="/p/best-friend"');
      expect(cookiesOf(answer).size).toBe(0);
    }
    expect(ballots.appended).toEqual([]);
  });

  it.each([
    ['/p/over', 'The poll is closed'],
    ['/p/later', 'The poll is not yet open'],
  ])('sent to %s gets a 403 page: %s', async (path, title) => {
    const { voter, ballots } = await withVoter();
    const answer = await vote(voter, 'vote=a', path);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain(title);
    expect(answer.text).toContain('was not accepted and does not count');
    expect(ballots.appended).toEqual([]);
  });

  it('that is too large, of another type or not for a poll gets words too', async () => {
    const { voter, ballots } = await withVoter();
    const answers = [
      await vote(voter, `vote=${'x'.repeat(10_000)}`),
      await voter.post('/').send({ vote: 'a' }),
      await voter.post('/').type('text').send('vote=a'),
      await voter.post('/').field('vote', 'a'),
      await voter
        .post('/')
        .set('Content-Type', 'application/x-www-form-urlencoded; charset=iso-8859-1')
        .send('vote=a'),
      await voter.post('/'),
      await vote(voter, 'vote=a', '/p/nope'),
      await vote(voter, 'vote=a', '/nothing'),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([413, 415, 415, 415, 415, 415, 404, 404]);
    for (const answer of answers) {
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.text).toMatch(/<section class="notice" data-tone="bad" role="alert">\s*<p>.+<\/p>/);
    }
    expect(ballots.appended).toEqual([]);
  });

  it('checks in the same order as the API', async () => {
    const { request, voter, ballots } = await withVoter();
    const long = 'x'.repeat(5_000);
    const badKey = 'ballot-key=&vote=z';
    const statuses = [
      await vote(request, long, '/p/nope').set({
        'Sec-Fetch-Site': 'cross-site',
        'Content-Type': 'text/plain',
      }),
      await vote(request, long, '/p/nope').set('Content-Type', 'text/plain'),
      await vote(request, long, '/p/nope'),
      await vote(request, badKey, '/p/nope'),
      await vote(request, 'vote=z', '/p/nope'),
      await vote(request, 'vote=z', '/p/over'),
      await vote(voter, 'vote=z', '/p/over'),
      await vote(voter, 'vote=z', '/p/best-friend'),
    ].map((answer) => answer.status);
    expect(statuses).toEqual([403, 415, 413, 400, 404, 401, 403, 422]);
    expect(ballots.appended).toEqual([]);
  });
});

describe('a form whose ballot could not be appended', () => {
  it.each([
    [{ outcome: 'unconfirmed' }, 'We could not confirm your ballot. Try again; it cannot count twice.'],
    ...NOT_ACCEPTED_REASONS.map(
      (reason) => [{ outcome: 'not-accepted', reason }, 'was not accepted and does not count'] as const,
    ),
  ] as const)('%j gets a 503 page that keeps the choices and says: %s', async (outcome, words) => {
    const { voter, ballots } = await withVoter();
    ballots.answer = outcome;
    const answer = await vote(voter, 'vote=b');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.text).toContain(words);
    expect(answer.text).not.toContain('Your ballot was accepted');
    expect(inputs(answer.text)).toEqual([
      ['vote', 'b', false],
      ['vote', 'a', false],
      ['vote', 'b', true],
    ]);
    expect(answer.text).toMatch(
      /<input type="hidden" name="vote" value="b">\s*<p><button type="submit">Try again<\/button>/,
    );
    expect(cookiesOf(answer).size).toBe(0);
  });

  it.each(['poll-closed', 'poll-not-yet-open'] as const)('%s gets a 403 page', async (outcome) => {
    const { voter, ballots } = await withVoter();
    ballots.answer = { outcome };
    expect((await vote(voter, 'vote=b')).status).toBe(403);
  });

  it('while no polls are known gets a 503 page whose button sends the same again', async () => {
    const { voter, ballots } = await withVoter();
    ballots.known = undefined;
    const answer = await vote(voter, 'vote=a&vote=%22b%22', '/p/lunch');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.text).toContain('<h1 tabindex="-1">The ballot was not accepted</h1>');
    expect(answer.text).toContain('was not accepted and does not count');
    expect(answer.text).toContain('<form method="post" action="/p/lunch" data-send>');
    expect(inputs(answer.text)).toEqual([
      ['vote', 'a', false],
      ['vote', '&quot;b&quot;', false],
      ['ballot-key', expect.any(String), false],
    ]);
  });

  it('gets a 500 page that reveals nothing, should the append throw', async () => {
    const { voter, ballots } = await withVoter();
    ballots.answer = new Error('secret inner words');
    const answer = await vote(voter, 'vote=a');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret inner words');
    expect(answer.text).toContain(answer.headers['x-request-id']!);
  });

  it.each(['/p/best-friend', '/p/show-of-hands'])(
    'that fails at %s where nobody foresaw it is sent again with one press, as the same voter',
    async (path) => {
      const { voter, ballots } = await withVoter();
      ballots.answer = new Error('after the append');
      const { text } = await vote(voter, 'vote=a', path).expect(500);
      expect(text).toContain('it may count. Try again; it cannot count twice.');
      ballots.answer = undefined;
      await vote(
        voter,
        new URLSearchParams(inputs(text).map(([name, value]): [string, string] => [name, value])).toString(),
        path,
      ).expect(303);
      const [first, second] = ballots.appended;
      expect(second).toEqual(first);
    },
  );

  it('speaks of no ballot where a page fails', async () => {
    const { request, ballots } = makeApp();
    ballots.polls = () => {
      throw new Error('inside');
    };
    const { text } = await request.get('/').expect(500);
    expect(text).toContain('Something went wrong on our side');
    expect(text.slice(text.indexOf('<main'))).not.toMatch(/ballot|accepted/);
  });
});

describe("an open poll's form", () => {
  const PATH = '/p/show-of-hands';

  it('has a fresh hidden key every time, so that each form is another voter', async () => {
    const { request, ballots } = makeApp();
    for (let i = 0; i < 2; i++) {
      const { text } = await request.get(PATH);
      expect(text).toMatch(/as often as they like.*cannot stop/);
      await vote(request, `vote=a&ballot-key=${hiddenKey(text)}`, PATH).expect(303);
    }
    expect(new Set(ballots.appended.map((ballot) => ballot.voter)).size).toBe(2);
  });

  it('sent twice (a double click, a reload) is one voter', async () => {
    const { request, ballots } = makeApp();
    const form = `vote=a&ballot-key=${hiddenKey((await request.get(PATH)).text)}`;
    await vote(request, form, PATH).expect(303);
    await vote(request, form, PATH).expect(303);
    expect(new Set(ballots.appended.map((ballot) => ballot.voter)).size).toBe(1);
  });

  it.each(['ballot-key=the-key&', ''])(
    'that could not be confirmed is sent again as the same voter (%j)',
    async (key) => {
      const { request, ballots } = makeApp();
      ballots.answer = { outcome: 'unconfirmed' };
      const refused = await vote(request, `${key}vote=a`, PATH);
      expect(refused.text).toContain('it cannot count twice');
      ballots.answer = undefined;
      await vote(request, `ballot-key=${hiddenKey(refused.text)}&vote=a`, PATH).expect(303);
      const [first, second] = ballots.appended.map((ballot) => ballot.voter);
      expect(second).toBe(first);
    },
  );

  it('without a key is a voter of its own each time', async () => {
    const { request, ballots } = makeApp();
    for (let i = 0; i < 3; i++) await vote(request, 'vote=a', PATH).expect(303);
    expect(new Set(ballots.appended.map((ballot) => ballot.voter)).size).toBe(3);
  });

  it.each(['', 'x'.repeat(201), '%C3%BC', '%00', '%0A'])(
    'with the malformed key %j gets a 400 page',
    async (key) => {
      const { request, ballots } = makeApp();
      const answer = await vote(request, `vote=a&ballot-key=${key}`, PATH);
      expect(answer.status).toBe(400);
      expect(ballots.appended).toEqual([]);
    },
  );

  it('confirms, and offers to cast another ballot, with nothing ticked', async () => {
    const voter = makeApp().browser();
    await vote(voter, 'vote=b', PATH);
    const { text } = await voter.get(PATH);
    expect(text).toContain('You chose <strong dir="auto">Dogs</strong>.');
    expect(inputs(text).some(([, , chosen]) => chosen)).toBe(false);
    expect(text).toContain('Cast another ballot');
  });
});

describe('the ballot cookie', () => {
  const NAME = 'hbf_ballot_best-friend';

  /** Votes with a browser. @returns both cookies' values. */
  async function voted(app = makeApp()) {
    const page = await app.request.get('/');
    const voter = cookiesOf(page).get('hbf_voter')!.value;
    const posted = await vote(app.request, 'vote=a').set('Cookie', `hbf_voter=${voter}`);
    return { app, voter, ballot: cookiesOf(posted).get(NAME)!.value };
  }

  const confirmed = async (app: ReturnType<typeof makeApp>, cookie: string, path = '/') =>
    (await app.request.get(path).set('Cookie', cookie).expect(200)).text.includes('Your ballot was accepted');

  it('is believed as it was written, for its voter and its poll', async () => {
    const { app, voter, ballot } = await voted();
    expect(await confirmed(app, `hbf_voter=${voter}; ${NAME}=${ballot}`)).toBe(true);
    expect(await confirmed(app, `hbf_voter=${voter}; hbf_ballot_lunch=${ballot}`, '/p/lunch')).toBe(false);
    expect(await confirmed(app, `${NAME}=${ballot}`)).toBe(false);
    const other = cookiesOf(await app.request.get('/')).get('hbf_voter')!.value;
    expect(await confirmed(app, `hbf_voter=${other}; ${NAME}=${ballot}`)).toBe(false);
  });

  it('is not believed when it was cut or changed anywhere', async () => {
    const { app, voter, ballot } = await voted();
    for (let at = 0; at < ballot.length; at += 3) {
      const changed = ballot.slice(0, at) + (ballot[at] === 'b' ? 'a' : 'b') + ballot.slice(at + 1);
      expect(await confirmed(app, `hbf_voter=${voter}; ${NAME}=${changed}`), `changed at ${at}`).toBe(false);
      const cut = ballot.slice(0, at);
      expect(await confirmed(app, `hbf_voter=${voter}; ${NAME}=${cut}`), `cut to ${at}`).toBe(false);
    }
  });

  it('is not believed when another key signed it, and is when the key only stands further back', async () => {
    const { voter, ballot } = await voted();
    const cookie = `hbf_voter=${voter}; ${NAME}=${ballot}`;
    expect(await confirmed(makeApp({ voterKeys: [makeKey('v1', 9)] }), cookie)).toBe(false);
    expect(await confirmed(makeApp({ voterKeys: [makeKey('v2', 9), voterKey] }), cookie)).toBe(true);
    expect(await confirmed(makeApp({ receiptKeys: [makeKey('r1', 9)] }), cookie)).toBe(false);
  });

  it('is not shown where the poll no longer has what was chosen', async () => {
    const { app, voter, ballot } = await voted();
    app.ballots.known = [makePoll({ options: ['x', 'y'].map((key) => ({ key, label: key })) })];
    expect(await confirmed(app, `hbf_voter=${voter}; ${NAME}=${ballot}`)).toBe(false);
  });

  it('stays when the poll closes: the page still says what was chosen', async () => {
    const { app, voter, ballot } = await voted();
    app.ballots.known = [makePoll({ closesAt: NOON })];
    const { text } = await app.request.get('/').set('Cookie', `hbf_voter=${voter}; ${NAME}=${ballot}`);
    expect(text).toContain('You chose <strong dir="auto">Cats</strong>.');
    expect(text).not.toContain('<form');
  });

  /** Polls as large as polls may be, with everything in them chosen. */
  const largePolls = (count: number) =>
    Array.from({ length: count }, (_, rank) =>
      makePoll({
        key: `a-poll-with-a-key-as-long-as-can-be-${1_000 + rank}`,
        rank,
        eligibility: 'open',
        options: Array.from({ length: 30 }, (_, option) => ({
          key: `an-option-with-a-long-key-of-${100 + option}`,
          label: `Option ${option}`,
        })),
        choices: { min: 1, max: 30 },
      }),
    );
  const header = (jar: Map<string, string>) => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const keep = (jar: Map<string, string>, answer: Parameters<typeof cookiesOf>[0]) => {
    for (const [name, { value }] of cookiesOf(answer)) {
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
  };

  it('of the newest polls alone is kept, as many as fit into 3 kB, and always the last one', async () => {
    const app = makeApp();
    const small = Array.from({ length: 40 }, (_, rank) =>
      makePoll({ key: `small-${rank}`, rank, eligibility: 'open' }),
    );
    const polls = [...small, ...largePolls(9)];
    app.ballots.known = polls;
    const jar = new Map<string, string>([['hbf_ballot_left-over', 'from-an-old-key']]);
    for (const poll of polls) {
      const form = poll.options.map(({ key }) => `vote=${key}`).slice(0, poll.choices.max);
      const posted = await vote(app.request, form.join('&'), `/p/${poll.key}`).set('Cookie', header(jar));
      expect(posted.status).toBe(303);
      keep(jar, posted);
      expect(header(jar).length).toBeLessThanOrEqual(3 * 1024);
      const before = polls.slice(0, polls.indexOf(poll) + 1).map(({ key }) => `hbf_ballot_${key}`);
      expect([...jar.keys()].filter((name) => name !== 'hbf_ballot_left-over')).toEqual(
        before.slice(-[...jar.keys()].filter((name) => name !== 'hbf_ballot_left-over').length),
      );
      if (poll === small.at(-1)) expect(jar.size).toBeGreaterThanOrEqual(10);
    }
    expect(jar.size).toBe(2);
  });

  it('never grows past what a real server takes, however many large polls a browser votes in', async () => {
    const app = makeApp();
    const polls = largePolls(20);
    app.ballots.known = polls;
    const server = createHttpServer(app.app);
    onTestFinished(() => closeServer(server));
    const origin = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
    const jar = new Map<string, string>();
    const send = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(origin + path, {
        ...init,
        redirect: 'manual',
        headers: { Cookie: header(jar), Connection: 'close' },
      });
      keep(jar, { headers: { 'set-cookie': answer.headers.getSetCookie() } });
      return answer;
    };
    for (const poll of polls) {
      const body = new URLSearchParams(poll.options.map(({ key }): [string, string] => ['vote', key]));
      expect((await send(`/p/${poll.key}`, { method: 'POST', body })).status).toBe(303);
      const page = await send(`/p/${poll.key}`);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain('Your ballot was accepted');
    }
  });

  it('is found behind one of the same name that we cannot read or that is of another voter', async () => {
    const { app, voter, ballot } = await voted();
    const other = await voted(app);
    expect(
      await confirmed(app, `hbf_voter=${voter}; ${NAME}=stale; ${NAME}=${other.ballot}; ${NAME}=${ballot}`),
    ).toBe(true);
  });
});
