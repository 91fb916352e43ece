import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { boundIdleConnections } from '../src/bound-idle-connections.ts';
import { listen } from '../src/http-server.ts';

const opened: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.destroy();
});

/** A server with two idle connections at most; reads what is sent it, but at `/refused`, before it answers. */
async function start(most = 2) {
  /** The answers to `/later`, once all that was sent is there. */
  const waiting: ServerResponse[] = [];
  const server = createServer((req, res) => {
    const answer = () => (req.url === '/later' ? waiting.push(res) : res.end('ok'));
    if (req.url === '/refused') answer();
    else req.resume().once('end', answer);
  });
  // Nothing else is to close any.
  server.keepAliveTimeout = 0;
  boundIdleConnections(server, most);
  const port = await listen(server, 0, '127.0.0.1');
  opened.push({ destroy: () => void server.close() });
  let accepted = 0;
  server.on('connection', () => {
    accepted += 1;
  });
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    opened.push(socket);
    const client = { socket, received: '', isClosed: false };
    socket.on('error', () => {});
    socket.on('data', (data) => {
      client.received += data;
    });
    socket.once('close', () => {
      client.isClosed = true;
    });
    const before = accepted;
    await once(socket, 'connect');
    // In this order the server accepts them, too.
    await vi.waitUntil(() => accepted > before);
    return client;
  };
  return { server, waiting, open };
}

type Client = { socket: Socket; received: string; isClosed: boolean };
const ask = (client: Client, path = '/') => client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
async function answered(client: Client): Promise<void> {
  client.received = '';
  ask(client);
  await vi.waitUntil(() => client.received.includes('200 OK'));
}

test('one more than may be idle closes the one that was idle for the longest, asked something or not', async () => {
  const { open } = await start();
  const first = await open();
  const second = await open();
  await answered(first);
  const third = await open();
  await vi.waitUntil(() => second.isClosed);
  await answered(first);
  await answered(third);
  expect([first.isClosed, third.isClosed]).toEqual([false, false]);
});

test('a connection that is owed answers is not idle until it has the last of them', async () => {
  const { open, waiting } = await start();
  const busy = await open();
  ask(busy, '/later');
  ask(busy, '/later');
  await vi.waitUntil(() => waiting.length === 2);
  const others = [await open(), await open(), await open()];
  await vi.waitUntil(() => others[0]!.isClosed);
  waiting[0]!.end('first');
  await vi.waitUntil(() => busy.received.includes('first'));
  others.push(await open());
  await vi.waitUntil(() => others[1]!.isClosed);
  waiting[1]!.end('second');
  await vi.waitUntil(() => busy.received.includes('second'));
  await vi.waitUntil(() => others[2]!.isClosed);
  expect(busy.isClosed).toBe(false);
  await open();
  await open();
  await vi.waitUntil(() => busy.isClosed);
});

const post = (path: string, body: string, length = body.length) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`;
const chunked = (body: string) => `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

test.each([
  ['none of its body', post('/', '', 10)],
  ['a part of its body', post('/', 'x', 10)],
  ['not its last chunk', chunked('1\r\nx\r\n')],
  ['an answer before its body', post('/refused', '', 10)],
  ['none of its body, behind another one in the same packet', GET + post('/', '', 10)],
])('a connection whose request has %s is as good as idle', async (_name, bytes) => {
  const { server, open } = await start();
  const slow = await open();
  let heard = 0;
  server.on('request', () => {
    heard += 1;
  });
  slow.socket.write(bytes);
  await vi.waitUntil(() => heard === (bytes.startsWith(GET) ? 2 : 1));
  const others = [await open(), await open()];
  await vi.waitUntil(() => slow.isClosed);
  expect(others.map(({ isClosed }) => isClosed)).toEqual([false, false]);
});

test.each([
  ['with its length', post('/later', 'xy')],
  ['in two parts', post('/later', 'x', 2)],
])('a connection whose body came whole, %s, is not idle until it is answered', async (_name, bytes) => {
  const { open, waiting } = await start();
  const busy = await open();
  busy.socket.write(bytes);
  if (bytes.endsWith('\r\n\r\nx')) {
    // Its first part has come by the time that another connection is there.
    await answered(await open());
    busy.socket.write('y');
  }
  await vi.waitUntil(() => waiting.length === 1);
  const others = [await open(), await open(), await open()];
  await vi.waitUntil(() => others[0]!.isClosed);
  waiting[0]!.end('at last');
  await vi.waitUntil(() => busy.received.includes('at last'));
  expect(busy.isClosed).toBe(false);
});

test('a connection that was answered before its body came is idle, however late that comes', async () => {
  const { server, open } = await start();
  const refused = await open();
  const arrived = once(server, 'request');
  refused.socket.write(post('/refused', '', 2));
  const [req] = await arrived;
  await vi.waitUntil(() => refused.received.includes('200 OK'));
  const ended = once(req, 'end');
  refused.socket.write('xy');
  await ended;
  await open();
  await open();
  await vi.waitUntil(() => refused.isClosed);
});

test('a connection that was handed over to another protocol is none of these', async () => {
  const { server, open } = await start(1);
  server.on('upgrade', (_req, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  const upgraded = await open();
  upgraded.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await vi.waitUntil(() => upgraded.received.includes('101'));
  const next = await open();
  await open();
  await vi.waitUntil(() => next.isClosed);
  expect(upgraded.isClosed).toBe(false);
});

test('upgrades are not offered by this alone', async () => {
  const { server, open } = await start();
  expect(server.listenerCount('upgrade')).toBe(0);
  const client = await open();
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  await vi.waitUntil(() => client.received.includes('200 OK'));
});
