import { describe, expect, it } from 'vitest';
import { expectDocumented, problemOf } from './support/documented.ts';
import { ask, header, openRaw, rawRequest, talk } from './support/raw-http.ts';
import { countBallots, result, vote, withReplica } from './support/system.ts';
import { ballot, newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const voter = await newVoter();
const A = '{"choices":["a"]}';
const own = new URL(vote.url!).origin;
const { hostname, port } = new URL(vote.url!);
const counted = async () => (await countBallots('several')).a ?? 0;

type Headers = readonly (readonly [string, string])[];

const api = (headers: Headers) => {
  const request = ballot('several', voter.cookie, A);
  return ask(vote.url!, { ...request, headers: [...request.headers, ...headers] });
};
const form = (headers: Headers, target = '/p/several') =>
  ask(vote.url!, {
    method: 'POST',
    target,
    headers: [['Content-Type', 'application/x-www-form-urlencoded'], ['Cookie', voter.cookie], ...headers],
    body: 'vote=a',
  });

const FOREIGN: Record<string, Headers> = {
  'another site': [['Sec-Fetch-Site', 'cross-site']],
  'a sibling domain or another port': [['Sec-Fetch-Site', 'same-site']],
  'another site that claims our Origin': [
    ['Sec-Fetch-Site', 'cross-site'],
    ['Origin', own],
  ],
  'a word nobody knows': [['Sec-Fetch-Site', 'same-origin-ish']],
  'other letters': [['Sec-Fetch-Site', 'SAME-ORIGIN']],
  'two words at once': [
    ['Sec-Fetch-Site', 'same-origin'],
    ['Sec-Fetch-Site', 'cross-site'],
  ],
  nothing: [['Sec-Fetch-Site', '']],
  'a sandboxed frame': [['Origin', 'null']],
  'another host': [['Origin', 'http://evil.example']],
  'another port': [['Origin', `http://${hostname}:1`]],
  'no port': [['Origin', `http://${hostname}`]],
  'the port of the result page': [['Origin', new URL(result.url!).origin]],
  'a sub-domain of ours': [['Origin', `http://a.${hostname}:${port}`]],
  'a domain that begins as ours': [['Origin', `${own}.evil.example`]],
  'a domain that ends as ours': [['Origin', `http://evil${hostname}:${port}`]],
  'us as a user of theirs': [['Origin', `http://${hostname}:${port}@evil.example`]],
  'a path that is us': [['Origin', `http://evil.example/${own}`]],
  'us by another name': [['Origin', `http://localhost:${port}`]],
  'us by another name of the same number': [['Origin', `http://[::ffff:127.0.0.1]:${port}`]],
  'two origins': [['Origin', `${own} http://evil.example`]],
  'two headers': [
    ['Origin', 'http://evil.example'],
    ['Origin', own],
  ],
  'an origin of another kind': [['Origin', `file://${hostname}:${port}`.replace('file://', 'file:///')]],
  'an extension': [['Origin', 'chrome-extension://abcdefghijklmnop']],
  'an origin that is none': [['Origin', '//']],
};

describe('a ballot that a browser sends from', () => {
  it.each(Object.entries(FOREIGN))('%s is refused, over the API and as a form', async (_name, headers) => {
    const before = await counted();
    expect(problemOf(await api(headers))).toBe('cross-site');
    for (const target of ['/p/several', '/']) {
      const page = await form(headers, target);
      expectDocumented(page);
      expect(page.status).toBe(403);
      expect(header(page, 'set-cookie')).toBeUndefined();
    }
    expect(await counted()).toBe(before);
  });

  it('our own page is accepted, and so is a program that says nothing', async () => {
    const before = await counted();
    expect((await api([['Sec-Fetch-Site', 'same-origin']])).status).toBe(202);
    expect((await api([['Origin', own]])).status).toBe(202);
    expect((await api([])).status).toBe(202);
    expect(await counted()).toBe(before + 1);
  });
});

describe('tricks with the request', () => {
  it('a method in a header, a field or the query overrides none', async () => {
    const before = await counted();
    const stranger = await newVoter();
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method']) {
      for (const target of ['/api/polls/several/ballots', '/p/several', '/p/several?_method=POST']) {
        const response = await ask(vote.url!, {
          target,
          headers: [
            [name, 'POST'],
            ['Cookie', stranger.cookie],
            ['Content-Type', 'application/x-www-form-urlencoded'],
          ],
          body: 'vote=a&_method=POST',
        });
        expectDocumented(response);
        expect([200, 404]).toContain(response.status);
      }
    }
    expect(await counted()).toBe(before);
  });

  it.each([
    'text/plain',
    'text/plain; charset=application/json',
    'text/plain;application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=application/json',
    'application/json+x',
    'text/json',
    'application/jsonp',
    'application/json, text/plain',
    'text/plain, application/json',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    '',
    'application',
    '/json',
  ])('JSON that calls itself %j, as a form or a simple fetch can, is refused', async (type) => {
    const before = await counted();
    const stranger = await newVoter();
    const request = ballot('several', stranger.cookie, A);
    const response = await ask(vote.url!, {
      ...request,
      headers: [
        ['Content-Type', type],
        ['Cookie', stranger.cookie],
      ],
    });
    expect(problemOf(response)).toBe('unsupported-media-type');
    expect(await counted()).toBe(before);
  });

  it('a preflight is answered without any permission, also to ourselves', async () => {
    for (const url of [vote.url!, result.url!]) {
      for (const origin of ['http://evil.example', 'null', own]) {
        for (const target of [
          '/',
          '/p/several',
          '/api/polls/several/ballots',
          '/api/receipts/x',
          '/socket.io/',
        ]) {
          const response = await ask(url, {
            method: 'OPTIONS',
            target,
            headers: [
              ['Origin', origin],
              ['Access-Control-Request-Method', 'POST'],
              ['Access-Control-Request-Headers', 'content-type'],
            ],
          });
          expectDocumented(response);
          const permissions = response.headers.filter(([name]) => name.startsWith('access-control-'));
          // What may be read by anybody says so; it permits neither a method, nor a header, nor a cookie.
          if (target === '/api/receipts/x' && url === result.url) {
            expect(permissions).toEqual([['access-control-allow-origin', '*']]);
          } else {
            expect(permissions).toEqual([]);
          }
        }
      }
    }
  });

  it('an answer to a form leads nowhere but to the same page', async () => {
    for (const target of [
      '//evil.example/p/several',
      '/p/several//',
      '//',
      '/\\evil.example',
      '/p/several?next=//evil.example',
    ]) {
      const response = await form([], target);
      expectDocumented(response);
      const location = header(response, 'location');
      if (location !== undefined) expect(location).toMatch(/^\/(?![/\\])/);
    }
    // Where a proxy is spoken to, the whole address stands in the request line.
    const absolute = await form([], 'http://evil.example/p/several');
    expectDocumented(absolute);
    if (absolute.status === 303) expect(header(absolute, 'location')).toBe('/p/several');
  });
});

describe('a socket that a browser opens from another site', () => {
  const handshake = (headers: Headers, target = '/socket.io/?EIO=4&transport=websocket') =>
    rawRequest(result.url!, {
      target,
      headers: [
        ['Upgrade', 'websocket'],
        ['Connection', 'Upgrade'],
        ['Sec-WebSocket-Version', '13'],
        ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
        ...headers,
      ],
      keepAlive: true,
    });

  it.each(Object.entries(FOREIGN).filter(([, [first]]) => first![1] !== new URL(result.url!).origin))(
    'from %s is refused, by WebSocket and by polling',
    async (_name, headers) => {
      const [answer] = await talk(result.url!, handshake(headers));
      // Socket.IO has no other answer to a handshake that it refuses.
      expect(answer!.status).toBe(400);
      const polling = await ask(result.url!, { target: '/socket.io/?EIO=4&transport=polling', headers });
      expect(polling.status).toBe(403);
      expect(polling.body).not.toContain('sid');
    },
  );

  it('of a page of ours is opened', async () => {
    const connection = await openRaw(result.url!);
    connection.send(handshake([['Origin', new URL(result.url!).origin]]));
    const [answer] = await connection.untilResponses(1);
    expect(answer!.status).toBe(101);
    connection.socket.destroy();
  });
});

describe('where a proxy stands in front', () => {
  it('nobody else can claim to be one: forwarded hosts and schemes are not believed', async () => {
    const { body, headers } = await ask(vote.url!, {
      target: '/p/several',
      headers: [
        ['X-Forwarded-Host', 'evil.example'],
        ['X-Forwarded-Proto', 'https'],
        ['Forwarded', 'host=evil.example;proto=https'],
        ['X-Forwarded-For', '6.6.6.6'],
        ['X-Original-URL', '/problems'],
        ['X-Rewrite-URL', '/problems'],
      ],
    });
    expect(body).not.toContain('evil.example');
    expect(JSON.stringify(headers)).not.toContain('evil.example');
    expect(body).toContain('Which ones?');
  });

  it('a Host header that is no host goes into no page and no header', async () => {
    for (const host of [
      "evil.example'; script-src *",
      'a b',
      'evil.example/"><script>',
      '[::1',
      'x;y',
      'x,y',
      '@evil.example',
    ]) {
      const response = await ask(vote.url!, { target: '/p/several', headers: [['Host', host]] });
      expectDocumented(response);
      const csp = header(response, 'content-security-policy') ?? '';
      expect(csp + response.body).not.toContain('evil.example');
      if (response.status === 200) expect(csp).toMatch(/script-src 'self';/);
    }
  });

  it('the public origin alone passes where Host is another', async () => {
    await withReplica('vote', { PUBLIC_VOTE_URL: 'http://vote.example.org' }, async ({ url }) => {
      const cast = (origin: string) => {
        const request = ballot('several', voter.cookie, A);
        return ask(url, { ...request, headers: [...request.headers, ['Origin', origin]] });
      };
      expect((await cast('http://vote.example.org')).status).toBe(202);
      for (const origin of [
        'https://vote.example.org',
        'http://vote.example.org:81',
        'http://vote.example.org.evil.example',
      ]) {
        expect(problemOf(await cast(origin)), origin).toBe('cross-site');
      }
    });
  });
});
