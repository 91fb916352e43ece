import { expect, it } from 'vitest';
import { ask, type RawRequest, type RawResponse, rawRequest, talk } from './support/raw-http.ts';
import { joinSocketIo } from './support/raw-websocket.ts';
import { result, system, vote, withReplica } from './support/system.ts';
import { ballot, newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

/** What differs from answer to answer, with a word in its place. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/(__Host-)?hbf_voter=[^;]+/g, '$1hbf_voter=VOTER'],
  [/hbf_ballot_(\w+)=[^;]+/g, 'hbf_ballot_$1=BALLOT'],
  [/Expires=[^;]+/g, 'Expires=DATE'],
  [/^W\/"[0-9a-f-]+"$/, 'W/"TAG"'],
  [/-[A-Z0-9]{8}\.(js|css|svg)/g, '-HASH.$1'],
  [/http:\/\/127\.0\.0\.1:\d+/g, 'http://HOST:PORT'],
];
const DROPPED = [
  'date',
  'content-length',
  'x-request-id',
  'last-modified',
  'transfer-encoding',
  'sec-websocket-accept',
];

const write = ({ status, headers }: Pick<RawResponse, 'status' | 'headers'>) => {
  const lines = headers
    .filter(([name]) => !DROPPED.includes(name))
    .map(([name, value]) => {
      const text = VARYING.reduce((all, [pattern, word]) => all.replace(pattern, word), value);
      if (name === 'retry-after') return `  ${name}: ${value.replace(/^\d+$/, 'SECONDS')}`;
      return `  ${name}: ${name === 'content-security-policy' ? text.replaceAll(';', '\n    ') : text}`;
    });
  return [`  ${status}`, ...lines.toSorted()].join('\n');
};

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const;

/** What is refused before any service sees it. */
const BARE: Record<string, RawRequest> = {
  'what is no HTTP': { method: 'G T', target: '/' },
  'headers that are too long': { target: '/', headers: [['X-Long', 'x'.repeat(20_000)]] },
  'an expectation that is not met': { target: '/', headers: [['Expect', 'something else']] },
};

/** One request for each kind of answer. @param asset a file that the page names. */
async function kindsOf(url: string, isVote: boolean): Promise<string> {
  const voter = await newVoter();
  const receipt = await voter.castAccepted('other');
  const page = await ask(url, { target: '/p/other' });
  const asset = /(?:src)="(\/assets\/[^"]*)"/.exec(page.body)![1]!;
  const cookie = ['Cookie', voter.cookie] as const;
  const kinds: Record<string, RawRequest> = isVote
    ? {
        'a page, to a new browser': { target: '/p/other' },
        'a page, to a known browser': { target: '/p/other', headers: [cookie] },
        'a poll, over the API': { target: '/api/polls/other' },
        'all polls, over the API': { target: '/api/polls' },
        'an accepted ballot, over the API': ballot('other', voter.cookie, '{"choices":["a"]}'),
        'an accepted ballot, by a form': {
          method: 'POST',
          target: '/p/other',
          headers: [FORM, cookie],
          body: 'vote=a',
        },
        'a problem': ballot('other', voter.cookie, '{}'),
        'a refusal of another site': {
          method: 'POST',
          target: '/p/other',
          headers: [FORM, ['Sec-Fetch-Site', 'cross-site']],
          body: 'vote=a',
        },
        'a ballot that is too large': ballot('other', voter.cookie, 'x'.repeat(5_000)),
        'a form that is too large': {
          method: 'POST',
          target: '/p/other',
          headers: [FORM, cookie],
          body: 'x'.repeat(5_000),
        },
        'a page that there is not': { target: '/nope' },
        'a file': { target: asset },
        'a preflight': {
          method: 'OPTIONS',
          target: '/api/polls/other/ballots',
          headers: [
            ['Origin', 'http://evil.example'],
            ['Access-Control-Request-Method', 'POST'],
          ],
        },
        ...BARE,
      }
    : {
        'a page': { target: '/p/other' },
        'a tally, over the API': { target: '/api/polls/other/tally' },
        'a receipt, over the API': {
          target: `/api/receipts/${receipt}`,
          headers: [['Origin', 'http://evil.example']],
        },
        'a receipt that is none, over the API': {
          target: '/api/receipts/x',
          headers: [['Origin', 'http://evil.example']],
        },
        "a receipt's page": { target: `/receipts/${receipt}` },
        'a problem': { target: '/api/polls/nope/tally' },
        'a page that there is not': { target: '/nope' },
        'a file': { target: asset },
        'a handshake of Socket.IO, by polling': { target: '/socket.io/?EIO=4&transport=polling' },
        'a handshake of Socket.IO from another site': {
          target: '/socket.io/?EIO=4&transport=polling',
          headers: [['Origin', 'http://evil.example']],
        },
        ...BARE,
      };
  const parts: string[] = [];
  for (const [kind, request] of Object.entries(kinds))
    parts.push(`${kind}\n${write(await ask(url, request))}`);
  if (!isVote) {
    const socket = await joinSocketIo(url);
    const [answer] = socket.responses();
    parts.push(`a handshake of Socket.IO, by WebSocket\n${write(answer!)}`);
    socket.socket.destroy();
  }
  return `${parts.join('\n\n')}\n`;
}

it.each([
  ['vote', vote],
  ['result', result],
] as const)('every kind of answer of %s has the headers that were agreed upon', async (name, { url }) => {
  const all = await kindsOf(url!, name === 'vote');
  expect(all).not.toMatch(/unsafe-|\n {2}(server|x-powered-by|via):/);
  await expect(all).toMatchFileSnapshot(`headers/${name}.txt`);
});

it.each(['vote', 'result'] as const)(
  'over https %s asks for https, and its cookies stay with the host',
  async (app) => {
    const env = {
      PUBLIC_VOTE_URL: 'https://vote.example.org',
      PUBLIC_RESULT_URL: 'https://result.example.org',
    };
    await withReplica(app, env, async ({ url }) => {
      const parts = [`a page\n${write(await ask(url, { target: '/p/other' }))}`];
      parts.push(`a page that there is not\n${write(await ask(url, { target: '/nope' }))}`);
      if (app === 'vote') parts.push(`a problem\n${write(await ask(url, ballot('other', undefined, '{}')))}`);
      await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot(`headers/${app}-over-https.txt`);
    });
  },
);

/** What the first answer to a request looks like, also where it says to come again. */
async function look(kind: string, url: string, request: RawRequest): Promise<string> {
  const [answer] = await talk(url, rawRequest(url, request));
  return `${kind}\n${write(answer!)}`;
}

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';

it('what vote refuses for now has them too', async () => {
  const { cookie } = await newVoter();
  const form = {
    method: 'POST',
    target: '/p/other',
    headers: [FORM, ['Cookie', cookie] as const],
    body: 'vote=a',
  };
  const cast = ballot('other', cookie, '{"choices":["a"]}');
  const parts: string[] = [];
  await withReplica('vote', { NODE_ENV: 'production', LIMIT_VOTER_PER_MINUTE: '1' }, async ({ url }) => {
    expect((await ask(url, cast)).status).toBe(202);
    parts.push(await look('one ballot too many, over the API', url, cast));
    parts.push(await look('one ballot too many, by a form', url, form));
  });
  // Without its store it is never ready.
  const alone = await system.add('vote', { env: { REDIS_URL: `redis://${NOWHERE}` } });
  try {
    await alone.untilLine('vote listens');
    const url = alone.url!;
    parts.push(await look('a poll without the store, over the API', url, { target: '/api/polls/other' }));
    parts.push(await look('a page without the store', url, { target: '/p/other' }));
    parts.push(await look('a ballot without the store, over the API', url, cast));
    parts.push(await look('a ballot without the store, by a form', url, form));
  } finally {
    await system.remove(alone);
  }
  await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot('headers/vote-refusing.txt');
});

it('what result refuses for now has them too', async () => {
  const receipt = await (await newVoter()).castAccepted('other');
  const parts: string[] = [];
  await withReplica('result', { SOCKETS_MAX: '1' }, async ({ url }) => {
    const handshake = { target: '/socket.io/?EIO=4&transport=polling' };
    expect((await ask(url, handshake)).status).toBe(200);
    parts.push(await look('one socket too many', url, handshake));
  });
  const alone = await system.add('result', { env: { DATABASE_URL: `postgres://${NOWHERE}/none` } });
  try {
    await alone.untilLine('result listens');
    const url = alone.url!;
    const tally = { target: '/api/polls/other/tally' };
    parts.push(await look('a tally without the store, over the API', url, tally));
    parts.push(await look('a page without the store', url, { target: '/p/other' }));
    const status = { target: `/api/receipts/${receipt}` };
    parts.push(await look('a receipt without the store, over the API', url, status));
  } finally {
    await system.remove(alone);
  }
  await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot('headers/result-refusing.txt');
});
