import { request } from 'node:http';
import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
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

/** A connection of which every byte is ours; it never closes its half. */
function open() {
  const socket = connect({ port: service.port, host: '127.0.0.1', allowHalfOpen: true });
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  const isClosed = new Promise<void>((resolve) => {
    socket.once('end', resolve).once('close', () => resolve());
  });
  return { socket, isClosed, received: () => received };
}

const askingFor = (protocol: string, path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
const SOCKET = '/socket.io/?EIO=4&transport=websocket';
const openConnections = () =>
  new Promise<number>((resolve, reject) => {
    service.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });

test.each([
  ['h2c', '/'],
  ['websocket', SOCKET],
])(
  'a request for %s at %s in one packet behind another costs its connection, and no more',
  async (protocol, path) => {
    const { socket, isClosed, received } = open();
    socket.write(`GET /problems/internal HTTP/1.1\r\nHost: x\r\n\r\n${askingFor(protocol, path)}`);
    await isClosed;
    expect(received()).not.toContain('101 Switching');
    expect((await fetch(`${service.url}/api/polls/best-friend/tally`)).status).toBe(200);
    expect(service.lines.join()).not.toMatch('failed');
    socket.destroy();
  },
);

test.each([
  ['h2c', '/'],
  ['h2c', SOCKET],
  ['websocket', '/socket.io/?EIO=4&transport=nothing'],
  ['websocket', '/socket.io/?EIO=3&transport=websocket'],
  ['websocket', '/socket.io/?EIO=4&transport=polling'],
  ['websocket', '/socket.io/?EIO=4&transport=websocket&sid=unknown'],
])('clients that ask for %s at %s and never close leave no connection behind', async (protocol, path) => {
  const before = await openConnections();
  const clients = Array.from({ length: 20 }, open);
  for (const { socket } of clients) socket.write(askingFor(protocol, path));
  await Promise.all(clients.map(({ isClosed }) => isClosed));
  for (const { received } of clients) expect(received()).toMatch(/^HTTP\/1\.1 [124]/);
  await vi.waitFor(async () => expect(await openConnections()).toBeLessThanOrEqual(before), 5_000);
  for (const { socket } of clients) socket.destroy();
});

test('a client that resets the connection in the middle of its upgrade costs nobody else', async () => {
  const before = await openConnections();
  for (const path of ['/', SOCKET]) {
    const { socket } = open();
    await new Promise((resolve) => socket.write(askingFor('websocket', path), resolve));
    socket.resetAndDestroy();
  }
  await vi.waitFor(async () => expect(await openConnections()).toBeLessThanOrEqual(before), 5_000);
  expect((await fetch(service.url)).status).toBe(200);
});

test('of what follows the request nothing is read, and the answer arrives whole', async () => {
  const { socket, isClosed, received } = open();
  socket.write(`${askingFor('h2c', '/')}${'x'.repeat(1_000_000)}`);
  await isClosed;
  expect(received()).toMatch(/^HTTP\/1\.1 200 OK.*<\/html>\s*$/s);
  socket.destroy();
});
