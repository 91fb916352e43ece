import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Registry } from 'prom-client';
import supertest from 'supertest';
import { describe, expect, it, vi } from 'vitest';
import { requestDuration } from '../src/metrics.ts';
import { observeRequests } from '../src/observe-requests.ts';
import { captureLog } from './support.ts';

function makeApp() {
  const captured = captureLog();
  const registry = new Registry();
  const app = express();
  app.use(observeRequests(captured.log, requestDuration(registry)));
  app.all('/receipts/:receipt', (_req, res) => {
    res.send('ok');
  });
  app.get('/broken', (_req, res) => {
    res.status(503).end();
  });
  app.get('/never', () => {});
  const labels = async () => {
    const [metric] = await registry.getMetricsAsJSON();
    const counts = metric!.values.filter(
      (value) => 'metricName' in value && /_count$/.test(String(value.metricName)),
    );
    return counts.map(({ labels: { method, route, status_code } }) => [method, route, status_code]);
  };
  return { app, labels, ...captured };
}

describe('observeRequests', () => {
  it("logs and measures the route's template, never the URL, the query, the address or a header", async () => {
    const { app, labels, text, lines } = makeApp();
    await supertest(app)
      .get('/receipts/hush-receipt?q=hush-query')
      .set({ Cookie: 'c=hush-cookie', 'X-Forwarded-For': '203.0.113.7', 'User-Agent': 'hush-agent' });
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({
      level: 'info',
      method: 'GET',
      route: '/receipts/:receipt',
      status: 200,
    });
    expect(text()).not.toMatch(/hush|203\.0\.113|127\.0\.0\.1|::1/);
    expect(await labels()).toEqual([['GET', '/receipts/:receipt', '200']]);
  });

  it('gives every request an id of our own, whatever id it came with', async () => {
    const { app, text, lines } = makeApp();
    const answers = [];
    for (let i = 0; i < 2; i++) {
      answers.push(await supertest(app).get('/receipts/a').set('X-Request-Id', 'from-outside'));
    }
    const ids = answers.map((answer) => answer.headers['x-request-id']);
    expect(new Set(ids).size).toBe(2);
    expect(lines().map((line) => line.requestId)).toEqual(ids);
    expect(text()).not.toContain('from-outside');
  });

  it('bounds the labels: unknown paths and odd methods make no series of their own', async () => {
    const { app, labels } = makeApp();
    await supertest(app).get('/no/such/path/1');
    await supertest(app).get('/no/such/path/2');
    await supertest(app).propfind('/receipts/a');
    expect(await labels()).toEqual([
      ['GET', 'unmatched', '404'],
      ['other', '/receipts/:receipt', '200'],
    ]);
  });

  it('warns of an answer that is our fault', async () => {
    const { app, lines } = makeApp();
    await supertest(app).get('/broken');
    expect(lines()[0]).toMatchObject({ level: 'warn', status: 503, msg: 'GET /broken: 503' });
  });

  it('counts a client that left before its answer as 499, not as a success', async () => {
    const { app, labels, lines } = makeApp();
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const arrived = once(server, 'request');
    const client = httpRequest({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      path: '/never',
    });
    client.on('error', () => {});
    client.end();
    await arrived;
    client.destroy();
    await vi.waitFor(() => expect(lines()).toHaveLength(1));
    expect(lines()[0]).toMatchObject({ status: 499, aborted: true });
    expect(await labels()).toEqual([['GET', '/never', '499']]);
    server.close();
  });
});
