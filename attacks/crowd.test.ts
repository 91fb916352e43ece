import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { whileOthersUse } from './support/crowd.ts';

// That others are served is what most attacks end with: this tries that they would notice.

const servers: ReturnType<typeof createServer>[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A stand-in for a result under attack. */
async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return { app: 'result', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Longer than an outage that is passed over. */
const LONG_MS = 6_000;

it.concurrent('others who are served are no reason to fail, and neither is a moment of 503', async () => {
  let asked = 0;
  const service = await serve((_req, res) => res.writeHead(asked++ % 3 ? 503 : 200).end());
  expect(await whileOthersUse(service, () => wait(500, 'done'))).toBe('done');
});

it.concurrent.each<[string, (sinceMs: number, count: number) => number | 'hang up' | 'wait']>([
  ['503 for seconds', (sinceMs) => (sinceMs < LONG_MS ? 503 : 200)],
  ['nothing for seconds', (sinceMs) => (sinceMs < LONG_MS ? 'wait' : 200)],
  ['nothing, once', (_sinceMs, count) => (count === 5 ? 'hang up' : 200)],
  ['another error, once', (_sinceMs, count) => (count === 5 ? 500 : 200)],
])('others who are told %s are noticed', async (_name, answer) => {
  const began = performance.now();
  let count = 0;
  const service = await serve(async (_req, res) => {
    const told = answer(performance.now() - began, ++count);
    if (told === 'hang up') res.destroy();
    else if (told === 'wait') setTimeout(() => res.end(), LONG_MS);
    else res.writeHead(told).end();
  });
  await expect(whileOthersUse(service, () => wait(LONG_MS))).rejects.toThrow();
});
