import express, { type Express } from 'express';
import type { Registry } from 'prom-client';
import type { Readiness } from './health.ts';

/** /metrics, /healthz and /readyz: for operators, on a port that voters cannot reach. */
export function createInternalApp(registry: Registry, readiness: Readiness): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_req, res) => {
    res.type('text').send('ok\n');
  });
  app.get('/readyz', (_req, res) => {
    res
      .status(readiness.ready ? 200 : 503)
      .type('text')
      .send(readiness.ready ? 'ready\n' : 'not ready\n');
  });
  app.get('/metrics', async (_req, res) => {
    res.setHeader('Content-Type', registry.contentType);
    res.end(await registry.metrics());
  });
  return app;
}
