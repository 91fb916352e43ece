import { request } from 'node:http';
import { expect, test } from 'vitest';
import { createFakeFeed } from './support/fake-feed.ts';
import { next, startTestService } from './support/service.ts';
import { keptOf, snapshotOf } from './support/snapshots.ts';

const service = await startTestService({ feed: createFakeFeed(snapshotOf({ polls: [keptOf()] })) });

/** A request that asks for another protocol first. */
function askFor(protocol: string, path: string, method = 'GET') {
  return new Promise<{ status: number | undefined; headers: object; body: string }>((resolve, reject) => {
    const asked = request(`${service.url}${path}`, {
      method,
      agent: false,
      headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: protocol, 'HTTP2-Settings': '' },
    });
    asked.once('error', reject).once('upgrade', () => reject(new Error('it was upgraded')));
    asked.once('response', (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      res.once('end', () => resolve({ status: res.statusCode, headers: res.headers, body }));
    });
    asked.end();
  });
}

test('a client that asks for HTTP/2 with its request is answered over HTTP/1.1', async () => {
  const { status, headers, body } = await askFor('h2c', '/api/polls/best-friend/tally');
  expect(status).toBe(200);
  expect(headers).toMatchObject({ connection: 'close', 'x-content-type-options': 'nosniff' });
  expect(JSON.parse(body)).toMatchObject({ poll: 'best-friend', turnout: 3 });
});

test.each([
  ['h2c', '/nothing/here', 'GET', 404],
  ['websocket', '/', 'GET', 200],
  ['websocket', '/api/polls/best-friend/tally', 'POST', 404],
])('%s at %s changes nothing for %s: %i', async (protocol, path, method, status) => {
  expect((await askFor(protocol, path, method)).status).toBe(status);
});

test('Socket.IO still has its upgrades', async () => {
  const socket = service.client();
  await next(socket, 'connect');
  expect(socket.io.engine.transport.name).toBe('websocket');
});
