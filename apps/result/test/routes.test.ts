import request from 'supertest';
import { beforeAll, describe, expect, test } from 'vitest';
import { createFakeFeed } from './support/fake-feed.ts';
import { createTestApp } from './support/service.ts';
import { keptOf, NOW, partitionOf, pollOf, snapshotOf } from './support/snapshots.ts';

const LUNCH = keptOf({
  poll: pollOf({ key: 'lunch', rank: 1, question: 'Soup & <b>bread</b>?' }),
  votes: [0, 0],
  turnout: 0,
});
const SNAPSHOT = snapshotOf({ polls: [keptOf(), LUNCH] });
const HOST = { Host: 'polls.example.org:5001' };

const { app, metrics } = createTestApp({ feed: createFakeFeed(SNAPSHOT) });

describe('GET /api/polls/:poll/tally', () => {
  test('answers the tally, not to be stored', async () => {
    const answer = await request(app).get('/api/polls/best-friend/tally').expect(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toEqual({
      poll: 'best-friend',
      question: 'Cats or dogs?',
      options: [
        { key: 'a', label: 'Cats', votes: 2 },
        { key: 'b', label: 'Dogs', votes: 1 },
      ],
      turnout: 3,
      asOf: new Date(NOW - 100).toISOString(),
      queued: 0,
      status: 'live',
      phase: 'open',
      opensAt: null,
      closesAt: null,
    });
  });

  test.each([
    'nope',
    '__proto__',
    'constructor',
    '%00',
    'best-friend%00',
    'Best-Friend',
    'x'.repeat(1_000),
    '%E0%A4%A',
    '..%2F..%2Fetc',
  ])('a poll that does not exist is a problem: %s', async (key) => {
    const answer = await request(app).get(`/api/polls/${key}/tally`).expect(404);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ type: '/problems/unknown-poll', status: 404 });
  });
});

describe('pages', () => {
  test('the first poll stands at /, each at its own address, with everything filled in', async () => {
    const first = await request(app).get('/').set(HOST).expect(200);
    expect(first.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(first.text).toContain('<h1 id="question" dir="auto">Cats or dogs?</h1>');
    for (const text of ['2 votes', '67%', '1 vote', '33%', '3 voters', 'Live', '<rect width="66.67"']) {
      expect(first.text).toContain(text);
    }
    expect(first.text).toContain(
      '<a href="/p/lunch"><strong dir="auto">Soup &amp; &lt;b&gt;bread&lt;/b&gt;?</strong>',
    );
    const second = await request(app).get('/p/lunch').expect(200);
    expect(second.text).toContain('Soup &amp; &lt;b&gt;bread&lt;/b&gt;?</h1>');
    expect(second.text).not.toContain('<b>bread');
  });

  test('other polls are listed with their phases', async () => {
    const polls = (['open', 'scheduled', 'closed', 'final'] as const).map((phase) => {
      const opensAt = phase === 'scheduled' ? NOW + 3_600_000 : null;
      return keptOf({ phase, poll: pollOf({ key: phase, question: `${phase}?`, opensAt }) });
    });
    const other = createTestApp({ feed: createFakeFeed(snapshotOf({ polls: [keptOf(), ...polls] })) });
    const { text } = await request(other.app).get('/').expect(200);
    const listed = (html: string) =>
      [...html.matchAll(/<a href="(\/p\/[^"]*)"><strong[^>]*>([^<]*)<\/strong> <small[^>]*>([^<]*)</g)].map(
        (match) => match.slice(1),
      );
    const others = [
      ['/p/open', 'open?', 'open'],
      ['/p/scheduled', 'scheduled?', 'not open yet'],
      ['/p/closed', 'closed?', 'closed'],
      ['/p/final', 'final?', 'final'],
    ];
    expect(listed(text)).toEqual(others);
    expect(listed((await request(other.app).get('/polls').expect(200)).text)).toEqual([
      ['/p/best-friend', 'Cats or dogs?', 'open'],
      ...others,
    ]);
  });

  test('before the first ballot a page says so, and shows neither shares nor bars', async () => {
    const { text } = await request(app).get('/p/lunch').expect(200);
    expect(text).toContain('No ballots yet');
    expect(text).not.toContain('%<');
    expect(text.match(/<rect width="0"/g)).toHaveLength(2);
  });

  test('hold no inline script or style, which the policy would block', async () => {
    const { text } = await request(app).get('/').expect(200);
    expect(text).not.toMatch(/\sstyle=|<style|\son\w+=/);
    expect(text.match(/<script[^>]*>/g)).toEqual([
      expect.stringMatching(/^<script type="module" src="\/assets\/result-[A-Z0-9]{8}\.js">$/),
    ]);
  });

  test('times are written in UTC and marked as times', async () => {
    const closesAt = NOW + 3_600_000;
    const poll = pollOf({ results: 'after-close', closesAt });
    const other = createTestApp({ feed: createFakeFeed(snapshotOf({ polls: [keptOf({ poll })] })) });
    const { text } = await request(other.app).get('/').expect(200);
    expect(text).toMatch(/<time datetime="2026-06-01T13:00:00.000Z">[^<]*13:00 UTC<\/time>/);
  });

  test('an unknown poll or path is a page with the status 404', async () => {
    for (const path of [
      '/p/nope',
      '/p/__proto__',
      '/p/%E0%A4%A',
      '/nope',
      '/p/',
      '/assets/../package.json',
      '/views',
    ]) {
      const answer = await request(app).get(path).expect(404);
      expect(answer.headers['content-type']).toMatch(/^text\/html/);
      expect(answer.text).toContain('<h1 tabindex="-1">There is ');
    }
  });

  test('every type of problem has a page', async () => {
    const { text } = await request(app).get('/problems/unknown-receipt').expect(200);
    expect(text).toContain('This is not a receipt of ours');
    expect(text).toContain('Copy it whole');
    const ofVote = await request(app).get('/problems/no-voter').expect(200);
    expect(ofVote.text).toContain('the vote service does');
    await request(app).get('/problems/__proto__').expect(404);
  });

  test('script and style sheet are served with their types', async () => {
    const { text } = await request(app).get('/');
    const [script, style] = [/src="(\/assets\/[^"]*\.js)"/, /href="(\/assets\/[^"]*\.css)"/].map(
      (name) => name.exec(text)![1]!,
    );
    for (const [file, type] of [
      [script, /javascript/],
      [style, /text\/css/],
    ] as const) {
      const { headers } = await request(app).get(file!).expect(200);
      expect(headers['content-type']).toMatch(type);
      // Their names change with them.
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    }
  });
});

describe('the link to the vote page', () => {
  const link = async (headers: Record<string, string>, config = {}) => {
    const other = createTestApp({ feed: createFakeFeed(SNAPSHOT), config });
    const { text } = await request(other.app).get('/').set(headers).expect(200);
    return /<a id="vote" class="button" href="([^"]*)"/.exec(text)?.[1];
  };

  test.each([
    ['polls.example.org:5001', 'http://polls.example.org:5002/p/best-friend'],
    ['192.168.1.20:5001', 'http://192.168.1.20:5002/p/best-friend'],
    ['[fe80::1]:5001', 'http://[fe80::1]:5002/p/best-friend'],
    ['localhost', 'http://localhost:5002/p/best-friend'],
    ['evil.example/"><script>', undefined],
    ['user@evil.example', undefined],
    ['a b', undefined],
    ['1.2.3.999', undefined],
    [`${'a'.repeat(300)}.example`, undefined],
  ])('for the host %s is %s', async (host, expected) => {
    expect(await link({ Host: host })).toBe(expected);
  });

  test('is the configured one where there is one, whatever the request says', async () => {
    expect(await link({ Host: 'x.example' }, { PUBLIC_VOTE_URL: 'https://vote.example.org' })).toBe(
      'https://vote.example.org/p/best-friend',
    );
  });

  test('a forwarded host counts only behind a trusted proxy', async () => {
    const headers = { Host: 'inner:5001', 'X-Forwarded-Host': 'outer.example', 'X-Forwarded-Proto': 'https' };
    expect(await link(headers)).toBe('http://inner:5002/p/best-friend');
    expect(await link(headers, { TRUST_PROXY: 1 })).toBe('https://outer.example:5002/p/best-friend');
  });
});

describe('before the first read', () => {
  const early = createTestApp({ feed: createFakeFeed() });

  test('the API answers that it is unavailable, and when to try again', async () => {
    const answer = await request(early.app).get('/api/polls/best-friend/tally').expect(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body).toMatchObject({ type: '/problems/unavailable', status: 503, retryAfter: 1 });
  });

  test('pages say the same in words, and load themselves again', async () => {
    for (const path of ['/', '/p/best-friend']) {
      const answer = await request(early.app).get(path).expect(503);
      expect(answer.headers['retry-after']).toBe('1');
      expect(answer.text).toContain('<meta http-equiv="refresh" content="1">');
      expect(answer.text).toContain('no tally to show yet');
    }
  });
});

describe('hidden results', () => {
  const poll = pollOf({ results: 'after-close', closesAt: NOW + 3_600_000 });
  const kept = keptOf({ poll, votes: [48_151, 62_342], turnout: 99_999 });

  test('show the turnout and no votes while the poll is open', async () => {
    const { app: hidden } = createTestApp({ feed: createFakeFeed(snapshotOf({ polls: [kept] })) });
    const api = await request(hidden).get('/api/polls/best-friend/tally').expect(200);
    expect(api.body).toMatchObject({ turnout: 99_999, options: [{ votes: null }, { votes: null }] });
    const page = await request(hidden).get('/').expect(200);
    expect(page.text).toContain('99,999 voters');
    expect(page.text).toContain('The votes are shown once voting closes');
    for (const leak of ['48151', '48,151', '62342', '62,342', '48%', '62%', '48.15']) {
      expect(api.text + page.text).not.toContain(leak);
    }
  });

  test('leave no bar or number to see, which would look like zeros', async () => {
    const { app: hidden } = createTestApp({ feed: createFakeFeed(snapshotOf({ polls: [kept] })) });
    const { text } = await request(hidden).get('/').expect(200);
    expect(text).toContain('<ol id="options" class="options" aria-hidden="true" data-hidden>');
    expect((await request(app).get('/')).text).toContain(
      '<ol id="options" class="options" aria-hidden="true">',
    );
  });

  test('show the votes when it is closed in every partition', async () => {
    const closed = snapshotOf({ polls: [{ ...kept, phase: 'closed', closedEverywhere: true }] });
    const { app: shown } = createTestApp({ feed: createFakeFeed(closed) });
    const api = await request(shown).get('/api/polls/best-friend/tally').expect(200);
    expect(api.body).toMatchObject({ phase: 'closed', options: [{ votes: 48_151 }, { votes: 62_342 }] });
  });
});

test('a stale tally is never shown as live', async () => {
  const partitions = [partitionOf({ heartbeatAt: NOW - 60_000, queued: 2 })];
  const { app: stale } = createTestApp({ feed: createFakeFeed(snapshotOf({ partitions })) });
  const api = await request(stale).get('/api/polls/best-friend/tally').expect(200);
  expect(api.body).toMatchObject({ status: 'stale', queued: 2 });
  const { text } = await request(stale).get('/').expect(200);
  expect(text).toMatch(/Counting has stopped since <time/);
  expect(text.slice(text.indexOf('<main'))).not.toContain('Live');
});

describe('the HTTP surface', () => {
  test('only reading exists', async () => {
    for (const method of ['post', 'put', 'patch', 'delete'] as const) {
      const api = await request(app)[method]('/api/polls/best-friend/tally').send('{"x":').expect(404);
      expect(api.body).toMatchObject({ type: '/problems/not-found' });
      await request(app)[method]('/').expect(404);
    }
    const head = await request(app).head('/api/polls/best-friend/tally').expect(200);
    expect(head.text).toBeUndefined();
  });

  test('an unknown path below /api is a problem', async () => {
    const answer = await request(app).get('/api/nope').expect(404);
    expect(Object.keys(answer.body)).toEqual(['type', 'title', 'status', 'detail']);
    expect(answer.body).toMatchObject({ type: '/problems/not-found', status: 404 });
  });

  test('every answer carries the strict policy, and nothing that names the software', async () => {
    for (const path of ['/', '/api/polls/best-friend/tally', '/nope', '/assets/style.css']) {
      const { headers } = await request(app).get(path);
      const policy = headers['content-security-policy']!.split(';').map((directive) => {
        const [name, ...sources] = directive.trim().split(/\s+/);
        return [name, [...new Set(sources)].join(' ')];
      });
      expect(Object.fromEntries(policy)).toEqual({
        'default-src': "'none'",
        'script-src': "'self'",
        'style-src': "'self'",
        'img-src': "'self' data:",
        'connect-src': "'self'",
        'frame-ancestors': "'none'",
        'base-uri': "'none'",
        'form-action': "'none'",
      });
      expect(headers['referrer-policy']).toBe('same-origin');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['strict-transport-security']).toBeUndefined();
      expect(headers['x-powered-by']).toBeUndefined();
      expect(headers['set-cookie']).toBeUndefined();
    }
  });

  test('HSTS is sent where the public address is https', async () => {
    const config = { PUBLIC_RESULT_URL: 'https://result.example.org' };
    const { app: secure } = createTestApp({ feed: createFakeFeed(SNAPSHOT), config });
    const { headers } = await request(secure).get('/');
    expect(headers['strict-transport-security']).toMatch(/^max-age=\d{7,}$/);
  });

  test('a failure of ours is a problem without any detail of it', async () => {
    const feed = createFakeFeed(SNAPSHOT);
    const broken = createTestApp({
      feed: {
        ...feed,
        tally: () => {
          throw new Error('the inner secret');
        },
      },
    });
    const api = await request(broken.app).get('/api/polls/best-friend/tally').expect(500);
    expect(api.body).toMatchObject({ type: '/problems/internal', status: 500 });
    const page = await request(broken.app).get('/').expect(500);
    expect(api.text + page.text).not.toContain('inner secret');
    expect(broken.lines.join('\n')).toContain('a request failed');
  });
});

describe('metrics', () => {
  let text: string;
  beforeAll(async () => {
    const fresh = createTestApp({ feed: createFakeFeed(SNAPSHOT) });
    expect(await fresh.metrics.registry.metrics()).toContain(
      'http_request_duration_seconds_count{method="GET",route="/api/receipts/:receipt",status_code="503"} 0',
    );
    await request(fresh.app).get('/p/best-friend');
    await request(fresh.app).get('/p/nope');
    text = await fresh.metrics.registry.metrics();
  });

  test('name the template of the route, never a poll', () => {
    expect(text).toContain(
      'http_request_duration_seconds_count{method="GET",route="/p/:poll",status_code="200"} 1',
    );
    expect(text).toContain(
      'http_request_duration_seconds_count{method="GET",route="/p/:poll",status_code="404"} 1',
    );
    expect(text).not.toContain('best-friend');
    expect(text).not.toContain('nope');
  });

  test('have an edge at the bound of the SLA, and exist at zero from the start', async () => {
    expect(text).toContain('le="0.2"');
    const zero = await metrics.registry.metrics();
    expect(zero).toContain('socket_connections 0');
    expect(zero).toContain('tally_freshness_seconds_count 0');
    expect(zero).toContain('nodejs_eventloop_lag_seconds');
  });
});
