import { describe, expect, it } from 'vitest';
import { voterOfBrowser, voterOfKey } from '../src/voter.ts';
import { cookiesOf, makeApp, makeKey, voterKey } from './support/app.ts';

const GIVERS = ['/', '/p/best-friend', '/p/show-of-hands', '/api/polls/best-friend'];

/** Gets a cookie from an app. @returns its value. */
async function cookieFrom(app: ReturnType<typeof makeApp>): Promise<string> {
  return cookiesOf(await app.request.get('/')).get('hbf_voter')!.value;
}

/** Casts a ballot with this cookie. @returns the status. */
async function castWith(app: ReturnType<typeof makeApp>, cookie: string): Promise<number> {
  const answer = await app.request
    .post('/api/polls/best-friend/ballots')
    .set('Cookie', `hbf_voter=${cookie}`)
    .send({ choices: ['a'] });
  expect(cookiesOf(answer).has('hbf_voter')).toBe(false);
  return answer.status;
}

describe('the voter cookie', () => {
  it.each(GIVERS)('is given by GET %s to a browser that has none', async (path) => {
    const { request } = makeApp();
    const cookie = cookiesOf(await request.get(path).expect(200)).get('hbf_voter')!;
    expect(cookie.value).toMatch(/^[A-Za-z0-9_-]{22}\.v1\.[A-Za-z0-9_-]{22}$/);
    expect(cookie.attributes.filter((attribute) => !attribute.startsWith('Expires='))).toEqual([
      'Max-Age=34560000',
      'Path=/',
      'HttpOnly',
      'SameSite=Lax',
    ]);
  });

  it('is 128 random bits: no two are alike', async () => {
    const app = makeApp();
    const cookies = await Promise.all(Array.from({ length: 50 }, () => cookieFrom(app)));
    expect(new Set(cookies.map((cookie) => cookie.split('.')[0])).size).toBe(50);
  });

  it.each(GIVERS)('is left alone by GET %s where there is one of ours', async (path) => {
    const app = makeApp();
    const cookie = await cookieFrom(app);
    expect(cookiesOf(await app.request.get(path).set('Cookie', `x=1; hbf_voter=${cookie}; y=2`)).size).toBe(
      0,
    );
  });

  it('is never given by a POST, nor with a page that is no poll', async () => {
    const { request } = makeApp();
    for (const answer of [
      await request.post('/').type('form').send('vote=a'),
      await request.post('/p/best-friend').type('form').send('vote=a'),
      await request.post('/api/polls/best-friend/ballots').send({ choices: ['a'] }),
      await request.get('/p/nope'),
      await request.get('/nothing'),
      await request.get('/problems/no-voter'),
    ]) {
      expect(cookiesOf(answer).size).toBe(0);
    }
  });

  it('is Secure and tied to this very host where voters come through https', async () => {
    const { request, ballots } = makeApp({ publicVoteUrl: 'https://vote.example.org' });
    const cookies = cookiesOf(await request.get('/'));
    expect([...cookies.keys()]).toEqual(['__Host-hbf_voter']);
    expect(cookies.get('__Host-hbf_voter')!.attributes).toContain('Secure');
    const { value } = cookies.get('__Host-hbf_voter')!;
    const cast = (name: string) =>
      request
        .post('/api/polls/best-friend/ballots')
        .set('Cookie', `${name}=${value}`)
        .send({ choices: ['a'] });
    await cast('hbf_voter').expect(401);
    await cast('__Host-hbf_voter').expect(202);
    expect(ballots.appended).toHaveLength(1);
  });

  it('is good for a ballot as it is, and cut, lengthened or changed anywhere it is not', async () => {
    const app = makeApp();
    const cookie = await cookieFrom(app);
    expect(await castWith(app, cookie)).toBe(202);
    for (let length = 0; length < cookie.length; length++) {
      expect(await castWith(app, cookie.slice(0, length)), `cut to ${length}`).toBe(401);
    }
    for (let at = 0; at < cookie.length; at++) {
      const changed = cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1);
      expect(await castWith(app, changed), `changed at ${at}`).toBe(401);
    }
    for (const extra of ['A', '.', '.A', '%00', '='])
      expect(await castWith(app, cookie + extra), extra).toBe(401);
    expect(app.ballots.appended).toHaveLength(1);
  });

  it.each([
    ['nothing', ''],
    ['bits without a signature', 'AAAAAAAAAAAAAAAAAAAAAA'],
    ['an unsigned voter of the demo that this replaces', '3f2a1b5c6d7e8f90'],
    ['malformed escapes', '%E0%A4%A.v1.x'],
    ['a JSON cookie', 'j%3A%7B%22a%22%3A1%7D'],
    ['__proto__', '__proto__.__proto__.__proto__'],
    ['7,000 characters', 'x'.repeat(7_000)],
  ])('that is forged (%s) is refused by a POST and replaced by a GET', async (_, cookie) => {
    const app = makeApp();
    expect(await castWith(app, cookie)).toBe(401);
    const page = await app.request.get('/').set('Cookie', `hbf_voter=${cookie}`).expect(200);
    expect(cookiesOf(page).get('hbf_voter')!.value).not.toBe(cookie);
    expect(app.ballots.appended).toEqual([]);
  });

  it('signed with a key that is not ours is refused, also where it bears our key id', async () => {
    const app = makeApp();
    for (const key of [makeKey('v1', 9), makeKey('other', 9)]) {
      const foreign = await cookieFrom(makeApp({ voterKeys: [key] }));
      expect(await castWith(app, foreign)).toBe(401);
    }
  });

  it('is no ballot cookie: a signature for the one is none for the other', async () => {
    const app = makeApp();
    const browser = app.browser();
    await browser.get('/');
    const posted = await browser.post('/').type('form').send('vote=a').expect(303);
    const ballot = cookiesOf(posted).get('hbf_ballot_best-friend')!.value;
    expect(await castWith(app, ballot)).toBe(401);
    expect(await castWith(app, ballot.replaceAll('~', '.'))).toBe(401);
  });

  it('outlives a rotation of keys: signed anew with the same bits, it stays the same voter', async () => {
    const before = makeApp();
    const cookie = await cookieFrom(before);
    await castWith(before, cookie);

    const rotated = makeApp({ voterKeys: [makeKey('v2', 5), voterKey] });
    expect(await castWith(rotated, cookie)).toBe(202);
    const renewed = cookiesOf(await rotated.request.get('/').set('Cookie', `hbf_voter=${cookie}`)).get(
      'hbf_voter',
    )!;
    expect(renewed.value).toMatch(/\.v2\./);
    expect(renewed.value.split('.')[0]).toBe(cookie.split('.')[0]);

    const after = makeApp({ voterKeys: [makeKey('v2', 5)] });
    expect(await castWith(after, renewed.value)).toBe(202);
    expect(await castWith(after, cookie)).toBe(401);

    const voters = [before, rotated, after].map((app) => app.ballots.appended[0]!.voter);
    expect(new Set(voters).size).toBe(1);
  });

  it('is found behind others of the same name, as of a parent domain, and then not replaced', async () => {
    const app = makeApp();
    const cookie = await cookieFrom(app);
    const several = `stale; hbf_voter=AAAAAAAAAAAAAAAAAAAAAA.v1.x; hbf_voter_2=x; hbf_voter=${cookie}`;
    expect(await castWith(app, cookie)).toBe(202);
    expect(await castWith(app, several)).toBe(202);
    expect(new Set(app.ballots.appended.map((ballot) => ballot.voter)).size).toBe(1);
    expect(cookiesOf(await app.request.get('/').set('Cookie', `hbf_voter=${several}`)).size).toBe(0);
  });

  it('stands for another voter in each poll', async () => {
    const app = makeApp();
    const browser = app.browser();
    await browser.get('/');
    await browser.post('/api/polls/best-friend/ballots').send({ choices: ['a'] });
    await browser.post('/api/polls/lunch/ballots').send({ choices: ['a', 'b'] });
    const [first, second] = app.ballots.appended.map((ballot) => ballot.voter);
    expect(first).not.toBe(second);
  });
});

describe("a voter's pseudonym", () => {
  it('is what is written down here: stored ballots depend on it', () => {
    const bits = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
    expect(voterOfBrowser(bits, 'best-friend').toString('hex')).toBe('f74843c800cdeb3d6057eb8356f11274');
    expect(voterOfKey('key-1', 'best-friend').toString('hex')).toBe('56597d199a17e4ab292d10076c0eb30b');
  });

  it("keeps keys' voters apart from browsers' ones", () => {
    const text = 'sixteen bytes ok';
    expect(voterOfKey(text, 'p')).not.toEqual(voterOfBrowser(Buffer.from(text), 'p'));
  });
});
