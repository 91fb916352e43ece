import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { expectDocumented } from './support/documented.ts';
import { ask, header, type RawResponse, rawRequest, talk } from './support/raw-http.ts';
import { countBallots, result, vote } from './support/system.ts';
import { newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const SERVICES = [
  ['vote', vote],
  ['result', result],
] as const;

const TRAVERSALS = [
  '/assets/../package.json',
  '/assets/../../package.json',
  '/assets/%2e%2e/package.json',
  '/assets/%2e%2e%2fpackage.json',
  '/assets/..%2f..%2fpackage.json',
  '/assets/..%5c..%5cpackage.json',
  '/assets/....//package.json',
  '/assets/%252e%252e%252fpackage.json',
  '/assets/..;/package.json',
  '/assets/./../main.js',
  '/assets/%c0%ae%c0%ae/package.json',
  '/assets//etc/passwd',
  '/assets/%2fetc%2fpasswd',
  '/assets/file:///etc/passwd',
  '/assets/C:%5cwindows%5cwin.ini',
  '/assets/%00',
  '/assets/x%00.js',
  '/assets/.',
  '/assets/..',
  '/assets/',
  '/assets',
  '/assets/.env',
  '/assets/.git/config',
  '/assets/assets.json',
  '/assets/main.js',
  '/assets/app.js',
  '/assets/config.js',
  '/assets/../views/poll.eta',
  '/../../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/.env',
  '/.git/HEAD',
  '/package.json',
  '/dist/main.js',
  '/node_modules/express/package.json',
  '/views/layout.eta',
  '/polls.yaml',
  '/server-status',
];

describe.each(SERVICES)('the files of %s', (_name, { url }) => {
  it.each(TRAVERSALS)('%s is none of them', async (target) => {
    const response = await ask(url!, { target });
    expectDocumented(response);
    expect(response.status, response.body.slice(0, 200)).toBeGreaterThanOrEqual(400);
    expect(response.body).not.toMatch(/root:|"dependencies"|import |<%|ref: refs/);
  });

  it('that the page names are all there are, and no compiled code of the service is one', async () => {
    const page = await ask(url!, { target: '/' });
    const named = [...page.body.matchAll(/(?:href|src)="(\/assets\/[^"]*)"/g)].map((match) => match[1]!);
    expect(named.length).toBeGreaterThan(0);
    for (const target of named) {
      const { status, body } = await ask(url!, { target });
      expect(status).toBe(200);
      expect(body).not.toMatch(/process\.env|sourceMappingURL|node:/);
    }
  });
});

describe.each(SERVICES)('the methods of %s', (_name, { url }) => {
  const METHODS = [
    'PUT',
    'PATCH',
    'DELETE',
    'TRACE',
    'OPTIONS',
    'PROPFIND',
    'MKCOL',
    'LOCK',
    'SEARCH',
    'PURGE',
    'LINK',
    'M-SEARCH',
    'QUERY',
    'REPORT',
  ];

  it.each(METHODS)('%s does nothing anywhere, and repeats nothing of the request', async (method) => {
    const before = await countBallots('browser');
    const { cookie } = await newVoter();
    for (const target of [
      '/',
      '/p/browser',
      '/api/polls/browser',
      '/api/polls/browser/ballots',
      '/api/receipts/x',
      '/assets/x',
    ]) {
      const response = await ask(url!, {
        method,
        target,
        headers: [
          ['Content-Type', 'application/json'],
          ['Cookie', `${cookie}; canary=42`],
        ],
        body: '{"choices":["a"]}',
      });
      expectDocumented(response);
      expect([400, 404]).toContain(response.status);
      expect(JSON.stringify(response)).not.toContain('canary');
      expect(header(response, 'allow')).toBeUndefined();
    }
    expect(await countBallots('browser')).toEqual(before);
  });

  it('HEAD says what GET says, without a body', async () => {
    for (const target of ['/', '/p/nope', '/problems/malformed', '/api/polls/nope']) {
      const get = await ask(url!, { target });
      const head = await ask(url!, { method: 'HEAD', target });
      expect(head.status).toBe(get.status);
      expect(header(head, 'content-type')).toBe(header(get, 'content-type'));
      expect(header(head, 'content-security-policy')).toBe(header(get, 'content-security-policy'));
    }
  });

  it.each(['CONNECT', 'get', 'GETT', 'G\0T', '', 'FOO'])('%j is no method', async (method) => {
    const responses = await talk(url!, rawRequest(url!, { method, target: '/' }));
    for (const response of responses) {
      expectDocumented(response);
      expect(response.status).toBe(400);
    }
  });
});

describe('what is for operators', () => {
  it.each(SERVICES)('cannot be reached on the public port of %s', async (_name, { url }) => {
    for (const target of [
      '/metrics',
      '/healthz',
      '/readyz',
      '//metrics',
      '/./metrics',
      '/METRICS',
      '/%6detrics',
      '/p/../metrics',
      '/debug',
      '/json/version',
    ]) {
      const response = await ask(url!, { target });
      expectDocumented(response);
      expect(response.status).toBe(404);
      expect(response.body).not.toMatch(/process_|nodejs_|# HELP/);
    }
  });

  it.each(SERVICES)(
    "%s's own port listens on this machine's loopback alone",
    async (_name, { metricsPort }) => {
      const others = Object.values(networkInterfaces())
        .flat()
        .filter((address) => address && !address.internal && address.family === 'IPv4');
      for (const address of others) {
        await expect(
          fetch(`http://${address!.address}:${metricsPort}/metrics`, { signal: AbortSignal.timeout(2_000) }),
        ).rejects.toThrow();
      }
      expect((await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).status).toBe(200);
    },
  );
});

describe.each(SERVICES)('what %s says of itself', (_name, { url }) => {
  it('in errors is neither a version, nor a stack, nor a path of the machine', async () => {
    const wrong: RawResponse[] = [];
    for (const target of [
      '/nope',
      '/p/nope',
      '/p/%',
      '/api/nope',
      '/api/polls/%ff/tally',
      '/socket.io/',
      '/socket.io/?EIO=3&transport=polling',
      '/socket.io/?EIO=4&transport=polling&sid=x',
      'http://[/',
      'http://a:b:c/',
      'x',
      '*',
    ]) {
      wrong.push(...(await talk(url!, rawRequest(url!, { target }))));
    }
    for (const response of wrong) {
      expectDocumented(response);
      expect(JSON.stringify(response)).not.toMatch(
        /(?<![\d.])\d+\.\d+\.\d+(?![\d.])|x-powered-by|"server"|\/home|\/root|\/tmp|\/app\//i,
      );
    }
    expect(wrong.length).toBeGreaterThan(8);
  });
});
