import { describe, expect, it } from 'vitest';
import { cookiesOf, makeApp } from './support/app.ts';

const PUBLIC = 'https://vote.example.org';

/** Casts a ballot with these headers. @returns the API's status and the page's. */
async function statuses(headers: Record<string, string>, publicVoteUrl?: string): Promise<[number, number]> {
  const { request, ballots } = makeApp({ publicVoteUrl });
  const api = await request
    .post('/api/polls/show-of-hands/ballots')
    .set('Host', 'vote.lan:5002')
    .set(headers)
    .send({ choices: ['a'] });
  const page = await request
    .post('/p/show-of-hands')
    .set('Host', 'vote.lan:5002')
    .set(headers)
    .type('form')
    .send('vote=a');
  const refused = [api, page].filter((response) => response.status === 403).length;
  expect(ballots.appended).toHaveLength(2 - refused);
  if (api.status === 403) expect(api.body.type).toBe('/problems/cross-site');
  return [api.status, page.status];
}

describe('a ballot sent by', () => {
  it.each([
    ['neither header', {}],
    ['our own page', { 'Sec-Fetch-Site': 'same-origin' }],
    ['the person (a reload, a bookmark)', { 'Sec-Fetch-Site': 'none' }],
    ['our own page over plain http', { Origin: 'http://vote.lan:5002' }],
    ['a proxy that ends https', { Origin: 'https://vote.lan:5002' }],
    [
      'our own page, the two headers at odds: the first decides',
      { 'Sec-Fetch-Site': 'same-origin', Origin: 'null' },
    ],
  ])('%s passes', async (_, headers) => {
    expect(await statuses(headers)).toEqual([202, 303]);
  });

  it.each([
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another port or sub-domain', { 'Sec-Fetch-Site': 'same-site' }],
    ['another site that lies in Origin', { 'Sec-Fetch-Site': 'cross-site', Origin: 'http://vote.lan:5002' }],
    ['an unknown kind of site', { 'Sec-Fetch-Site': 'surprise' }],
    ['an empty kind of site', { 'Sec-Fetch-Site': '' }],
    ['another site over plain http', { Origin: 'http://evil.example' }],
    ['another port over plain http', { Origin: 'http://vote.lan:5001' }],
    ['the host without its port', { Origin: 'http://vote.lan' }],
    ['a host that begins as ours', { Origin: 'http://vote.lan:5002.evil.example' }],
    ['a sandboxed frame', { Origin: 'null' }],
    ['an origin that is none', { Origin: 'vote.lan:5002' }],
    ['an empty origin', { Origin: '' }],
    ['a list of origins', { Origin: 'http://vote.lan:5002, http://evil.example' }],
  ])('%s is refused', async (_, headers) => {
    expect(await statuses(headers)).toEqual([403, 403]);
  });

  it('the public address passes where a proxy changes the Host header, and nothing like it', async () => {
    expect(await statuses({ Origin: PUBLIC }, PUBLIC)).toEqual([202, 303]);
    expect(await statuses({ Origin: 'http://vote.example.org' }, PUBLIC)).toEqual([403, 403]);
    expect(await statuses({ Origin: `${PUBLIC}.evil.example` }, PUBLIC)).toEqual([403, 403]);
  });

  it('a default port written out is the same host', async () => {
    const { request } = makeApp();
    const answer = await request
      .post('/api/polls/show-of-hands/ballots')
      .set({ Host: 'vote.lan:80', Origin: 'http://vote.lan' })
      .send({ choices: ['a'] });
    expect(answer.status).toBe(202);
  });

  it('another site is refused before anything else is looked at, gets no cookie, and is counted', async () => {
    const { request, metric } = makeApp();
    const answer = await request
      .post('/api/polls/no-such-poll/ballots')
      .set('Sec-Fetch-Site', 'cross-site')
      .type('text')
      .send('x'.repeat(9_000));
    expect(answer.status).toBe(403);
    expect(cookiesOf(answer).size).toBe(0);
    expect(await metric('ballots_refused_total', { reason: 'cross-site' })).toBe(1);
  });
});
