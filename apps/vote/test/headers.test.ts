import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PUBLIC_DIRECTORY } from '../src/pages.ts';
import { cookiesOf, makeApp } from './support/app.ts';

const EVERYWHERE = ['/', '/p/nope', '/api/polls', '/api/nothing', '/problems', '/assets/nothing.js'];

describe('every answer', () => {
  it.each(EVERYWHERE)('at %s bounds what a browser may do with it', async (path) => {
    const { headers } = await makeApp().request.get(path).set('Host', 'vote.lan:5002');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;" +
        "connect-src 'self' http://vote.lan:5001;form-action 'self';frame-ancestors 'none';base-uri 'none'",
    );
    expect(headers).toMatchObject({
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    for (const absent of ['x-powered-by', 'server', 'etag', 'access-control-allow-origin']) {
      expect(headers[absent], absent).toBeUndefined();
    }
  });

  it('asks for https only where the service is reached through it', async () => {
    const plain = (await makeApp().request.get('/')).headers;
    expect(plain['strict-transport-security']).toBeUndefined();
    expect(plain['content-security-policy']).not.toContain('upgrade-insecure-requests');
    const secure = (await makeApp({ publicVoteUrl: 'https://vote.example.org' }).request.get('/')).headers;
    expect(secure['strict-transport-security']).toBe('max-age=31536000');
  });

  it('lets the page ask the configured result service', async () => {
    const { request } = makeApp({ publicResultUrl: 'https://result.example.org' });
    const { headers } = await request.get('/').set('Host', 'evil.example');
    expect(headers['content-security-policy']).toContain("connect-src 'self' https://result.example.org;");
  });
});

describe("the page's files", () => {
  it('are there, found by the page, cached for long under names that change with them', async () => {
    const { request } = makeApp();
    const { text } = await request.get('/');
    const paths = [...text.matchAll(/(?:href|src)="(\/assets\/[^"]*)"/g)].map((match) => match[1]!);
    expect(paths).toHaveLength(4);
    for (const path of paths) {
      expect(path).toMatch(/-[A-Z0-9]{8}\.(js|css|svg|png)$/);
      expect(existsSync(join(PUBLIC_DIRECTORY, path)), path).toBe(true);
      const answer = await request.get(path).expect(200);
      expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(answer.headers['content-type']).toMatch(
        /^(text\/javascript|text\/css|image\/svg\+xml|image\/png)/,
      );
      expect(cookiesOf(answer).size).toBe(0);
    }
  });

  it('come compressed where the browser takes that, as it prefers', async () => {
    const { request } = makeApp();
    const script = /src="(\/assets\/[^"]*)"/.exec((await request.get('/')).text)![1]!;
    for (const [takes, gets] of [
      ['gzip, deflate, br', 'br'],
      ['gzip', 'gzip'],
      ['identity', undefined],
    ] as const) {
      const { headers } = await request.get(script).set('Accept-Encoding', takes).expect(200);
      expect(headers['content-encoding']).toBe(gets);
      expect(headers.vary).toContain('Accept-Encoding');
    }
  });

  it.each([
    '/assets/',
    '/assets',
    '/assets/../assets.json',
    '/assets/%2e%2e/%2e%2e/app.js',
    '/assets/..%2fapp.js',
    '/assets/%',
  ])('are all that is served there: %s is not', async (path) => {
    const { status } = await makeApp().request.get(path);
    expect([400, 403, 404]).toContain(status);
  });
});
