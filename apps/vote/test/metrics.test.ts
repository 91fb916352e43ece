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
      'ballots_not_accepted_total{cause="not-prepared"} 0',
      'http_request_duration_seconds_bucket{le="0.2",method="POST",route="/api/polls/:poll/ballots",status_code="202"} 0',
      'http_request_duration_seconds_count{method="GET",route="/",status_code="200"} 0',
      'http_request_duration_seconds_count{method="POST",route="/p/:poll",status_code="503"} 0',
    ]) {
      expect(text).toContain(`${series}\n`);
    }
    expect(text).toContain('nodejs_eventloop_lag_seconds');
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
