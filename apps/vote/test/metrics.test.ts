import { createRegistry } from '@hbf/service-kit/metrics';
import { describe, expect, it } from 'vitest';
import { createVoteMetrics } from '../src/metrics.ts';
import { makeApp } from './support/app.ts';

describe('the metrics', () => {
  it('all exist from the start, at zero', async () => {
    const registry = createRegistry();
    createVoteMetrics(registry);
    const text = await registry.metrics();
    for (const series of [
      'ballots_accepted_total 0',
      'ballots_refused_total{reason="not-accepted"} 0',
      'ballots_refused_total{reason="unconfirmed"} 0',
      'ballots_refused_total{reason="no-voter"} 0',
      'ballots_refused_total{reason="cross-site"} 0',
      'ballots_refused_total{reason="too-many-requests"} 0',
      'ballots_not_accepted_total{cause="not-prepared"} 0',
      'ballots_over_limit_total{limit="address-minute"} 0',
      'ballots_unlimited_total{by="crowd-key"} 0',
      'crowd_keys_refused_total 0',
      'limits_enabled 0',
      'limits_store_away 0',
      'http_request_duration_seconds_bucket{le="0.2",method="POST",route="/api/polls/:poll/ballots",status_code="202"} 0',
      'http_request_duration_seconds_count{method="GET",route="/",status_code="200"} 0',
      'http_request_duration_seconds_count{method="POST",route="/p/:poll",status_code="503"} 0',
    ]) {
      expect(text).toContain(`${series}\n`);
    }
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  /** Every (method, route, status) of the request times that exists now. */
  const seriesOf = async (
    metrics: Awaited<ReturnType<ReturnType<typeof createRegistry>['getMetricsAsJSON']>>,
  ) => {
    const { values } = metrics.find(({ name }) => name === 'http_request_duration_seconds')!;
    return new Set(
      values.map(({ labels }) => {
        const { method, route, status_code } = labels as Record<string, unknown>;
        return `${method} ${route} ${status_code}`;
      }),
    );
  };

  it('hold 500 and 503 from the start for every route that the service has', async () => {
    const registry = createRegistry();
    createVoteMetrics(registry);
    const series = await seriesOf(await registry.getMetricsAsJSON());
    const routes = (
      makeApp().app.router.stack as unknown as { route?: { path: string; methods: object } }[]
    ).flatMap(({ route }) =>
      route ? Object.keys(route.methods).map((name) => `${name.toUpperCase()} ${route.path}`) : [],
    );
    expect(routes.length).toBeGreaterThanOrEqual(10);
    for (const route of [...routes, 'GET unmatched', 'POST unmatched']) {
      expect(series).toContain(`${route} 500`);
      expect(series).toContain(`${route} 503`);
    }
  });

  it('get no new series by any answer', async () => {
    const { request, ballots, browser, metrics } = makeApp({
      limits: {
        loopbackPasses: false,
        allow: { voterPerMinute: 3, voterPerHour: 99, addressPerMinute: 999, addressPerHour: 999 },
      },
    });
    const series = async () => [...(await seriesOf(await metrics()))].sort();
    const before = await series();
    const voter = browser();
    const asset = /href="(\/assets\/[^"]*)"/.exec((await voter.get('/')).text)![1]!;
    const statuses = new Set<number>();
    const seen = async (answer: PromiseLike<{ status: number }>) => statuses.add((await answer).status);
    const form = (path: string, body: string, client: Pick<typeof request, 'post'> = request) =>
      client.post(path).type('form').send(body);
    const api = (poll: string, body: string | object, client: Pick<typeof request, 'post'> = request) =>
      client.post(`/api/polls/${poll}/ballots`).type('json').send(body);

    for (const path of [
      '/',
      '/p/best-friend',
      '/p/nope',
      '/p/%',
      '/nope',
      '/polls',
      '/problems',
      '/problems/internal',
    ]) {
      await seen(request.get(path));
    }
    for (const path of ['/api/polls', '/api/polls/lunch', '/api/polls/nope', '/api/polls/%', '/api/nope']) {
      await seen(request.get(path));
    }
    await seen(request.get('/problems/nope'));
    await seen(request.get('/assets/nope'));
    await seen(request.get(asset));
    await seen(request.get(asset).set('Range', 'bytes=0-1'));
    await seen(request.get(asset).set('Range', 'bytes=9999999-'));
    await seen(request.get(asset).set('If-Match', '"other"'));
    const { etag } = (await request.get(asset)).headers;
    await seen(request.get(asset).set('If-None-Match', etag!));
    for (const path of ['/', '/p/best-friend', '/p/nope', '/p/over', '/p/%', '/p/show-of-hands']) {
      for (const client of [request, voter as never]) {
        await seen(form(path, 'vote=a', client));
        await seen(form(path, 'vote=z', client));
        await seen(form(path, 'ballot-key=&vote=a', client));
      }
      await seen(form(path, 'x'.repeat(5_000)));
      await seen(form(path, 'vote=a').set('Content-Type', 'text/plain'));
      await seen(form(path, 'vote=a').set('Sec-Fetch-Site', 'cross-site'));
    }
    for (const poll of ['best-friend', 'nope', 'over', '%', 'show-of-hands']) {
      for (const client of [request, voter as never]) {
        await seen(api(poll, { choices: ['a'] }, client));
        await seen(api(poll, { choices: ['z'] }, client));
      }
      await seen(api(poll, '{'));
      await seen(api(poll, 'x'.repeat(5_000)));
      await seen(api(poll, '{}').set('Content-Type', 'text/plain'));
      await seen(api(poll, '{}').set('Sec-Fetch-Site', 'cross-site'));
    }
    for (let i = 0; i < 4; i++) await seen(api('best-friend', { choices: ['a'] }, voter as never));
    ballots.known = undefined;
    for (const path of ['/', '/p/lunch', '/polls', '/api/polls', '/api/polls/lunch'])
      await seen(request.get(path));
    for (const path of ['/', '/p/lunch']) await seen(form(path, 'vote=a', voter as never));
    await seen(api('lunch', { choices: ['a'] }, voter as never));

    expect([...statuses].sort()).toEqual([
      200, 202, 206, 303, 304, 400, 401, 403, 404, 413, 415, 416, 422, 429, 503,
    ]);
    expect(await series()).toEqual(before);
  });

  it("label requests with their route's template", async () => {
    const { request, metric } = makeApp();
    await request.get('/p/best-friend');
    await request.get('/p/lunch');
    await request.get('/p/nope');
    const count = (labels: Record<string, string>) =>
      metric('http_request_duration_seconds', { le: '5', ...labels });
    expect(await count({ method: 'GET', route: '/p/:poll', status_code: '200' })).toBe(2);
    expect(await count({ method: 'GET', route: '/p/:poll', status_code: '404' })).toBe(1);
  });

  it('count a page view as no ballot, whatever it is answered', async () => {
    const { request, ballots, metric } = makeApp();
    ballots.known = undefined;
    await request.get('/').expect(503);
    expect(await metric('ballots_refused_total', { reason: 'unavailable' })).toBeUndefined();
  });
});
