import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createPlaces } from '../src/places.ts';
import { createFakeFeed } from './support/fake-feed.ts';
import { next, startTestService, type TestConfig } from './support/service.ts';
import { keptOf, snapshotOf } from './support/snapshots.ts';

const feed = createFakeFeed(snapshotOf({ polls: [keptOf()] }));
const POLLING = '/socket.io/?EIO=4&transport=polling';

/** A service with few places; `network` is where a request says that it comes from. */
async function startSmall(config: Partial<TestConfig>) {
  const service = await startTestService({ feed, config: { TRUST_PROXY: 1, ...config } });
  const from = (network: string) => ({ headers: { 'X-Forwarded-For': network } });
  return {
    ...service,
    shakeHands: (network: string) => fetch(`${service.url}${POLLING}`, from(network)),
    /** @returns the status of the answer: 101 where the WebSocket is open. */
    openWebSocket: async (network: string, query = '') => {
      const url = `${service.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket${query}`;
      const socket = new WebSocket(url, from(network));
      socket.on('error', () => {});
      const answer = await Promise.race([
        once(socket, 'open').then(() => undefined),
        once(socket, 'unexpected-response').then(([, response]) => response),
      ]);
      return { socket, status: answer?.statusCode ?? 101, headers: answer?.headers };
    },
    async metric(name: string): Promise<number> {
      const text = await service.metrics.registry.metrics();
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')[1],
      );
    },
  };
}

describe('beyond the places of one network', () => {
  test('handshakes are refused over either transport with 503 and Retry-After, and others still watch', async () => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 2 });
    expect((await service.shakeHands('192.0.2.1')).status).toBe(200);
    expect((await service.openWebSocket('192.0.2.1')).status).toBe(101);

    const refused = await service.shakeHands('192.0.2.1');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(refused.headers.get('content-type')).toMatch('application/problem+json');
    expect(refused.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await refused.json()).toMatchObject({ type: '/problems/unavailable', retryAfter: 5 });
    const { status, headers } = await service.openWebSocket('192.0.2.1');
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'retry-after': '5', 'x-content-type-options': 'nosniff' });

    expect((await service.openWebSocket('192.0.2.2')).status).toBe(101);
    expect(await service.metric('sockets_refused_total{reason="network"}')).toBe(2);
    expect(await service.metric('sockets_refused_total{reason="total"}')).toBe(0);
    expect((await fetch(`${service.url}/api/polls/best-friend/tally`)).status).toBe(200);
  });

  test('a household is one network, however many addresses it has', async () => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 1 });
    expect((await service.shakeHands('2001:db8::1')).status).toBe(200);
    expect((await service.shakeHands('2001:db8::2')).status).toBe(503);
    expect((await service.shakeHands('2001:db8:0:1::1')).status).toBe(200);
  });

  test('a place is free again when its socket is closed', async () => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 1 });
    const { socket } = await service.openWebSocket('192.0.2.1');
    expect((await service.openWebSocket('192.0.2.1')).status).toBe(503);
    socket.close();
    await once(socket, 'close');
    await vi.waitFor(async () => expect((await service.openWebSocket('192.0.2.1')).status).toBe(101));
  });

  test('one session cannot hold more by asking for its upgrade again and again', async () => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 3 });
    const { sid } = JSON.parse((await (await service.shakeHands('192.0.2.1')).text()).slice(1));
    // None of them agrees to be closed, so none gives its place back.
    const asked = Array.from({ length: 6 }, () => {
      const socket = connect(service.port, '127.0.0.1');
      socket.write(
        `GET /socket.io/?EIO=4&transport=websocket&sid=${sid} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n` +
          'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
      return once(socket, 'data').then(([data]) => ({ socket, status: String(data).slice(9, 12) }));
    });
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status).sort()).toEqual(['101', '101', '503', '503', '503', '503']);
    for (const { socket } of answers) socket.destroy();
  });

  test('a session that moves from polling to a WebSocket holds one place, and gives it back', async () => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 2 });
    const client = service.client({
      transports: ['polling', 'websocket'],
      extraHeaders: { 'X-Forwarded-For': '192.0.2.1' },
    });
    await new Promise((resolve) => client.io.engine.once('upgrade', resolve));
    await vi.waitFor(async () => expect((await service.shakeHands('192.0.2.1')).status).toBe(200));
    expect((await service.shakeHands('192.0.2.1')).status).toBe(503);
    client.disconnect();
    // Before the other one, which never joins, is forgotten.
    await vi.waitFor(async () => expect((await service.shakeHands('192.0.2.1')).status).toBe(200), 3_000);
  });

  test.each([
    ['of an unknown protocol', `${POLLING.replace('EIO=4', 'EIO=3')}`, {}],
    ['from another site', POLLING, { 'Sec-Fetch-Site': 'cross-site' }],
    ['by an unknown transport', POLLING.replace('polling', 'nothing'), {}],
    ['of an unknown session', `${POLLING}&sid=nothing`, {}],
  ])('a handshake %s that comes to nothing holds none', async (_name, path, headers) => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 1 });
    for (let i = 0; i < 3; i++) {
      const refused = await fetch(`${service.url}${path}`, {
        headers: { 'X-Forwarded-For': '192.0.2.1', ...headers },
      });
      expect([400, 403]).toContain(refused.status);
    }
    await vi.waitFor(async () => expect((await service.shakeHands('192.0.2.1')).status).toBe(200));
  });
});

describe('that watchers share the places of one network for want of a setting', () => {
  const BRIDGE = /All sockets that are open come from one private address/g;
  const PROXY = /sockets that name another client \(X-Forwarded-For\).*set TRUST_PROXY/g;
  const timesOf = ({ lines }: { lines: string[] }, words: RegExp) =>
    lines.join('\n').match(words)?.length ?? 0;

  test.each(['172.18.0.1', 'fd00::1'])(
    "is told of once where everybody has the same private address (%s): that of Docker's bridge, it may be",
    async (gateway) => {
      const service = await startSmall({ SOCKETS_PER_NETWORK: 1 });
      for (const status of [200, 503, 503]) expect((await service.shakeHands(gateway)).status).toBe(status);
      expect(timesOf(service, BRIDGE)).toBe(1);
    },
  );

  test.each([
    ['others have places too', '172.18.0.1', '192.0.2.2'],
    ['the address is a public one', '203.0.113.1', undefined],
  ])('is not told where %s', async (_name, address, other) => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 1 });
    if (other) await service.shakeHands(other);
    for (const status of [200, 503]) expect((await service.shakeHands(address)).status).toBe(status);
    expect(timesOf(service, BRIDGE) + timesOf(service, PROXY)).toBe(0);
  });

  test('is told of once where sockets come through a proxy that is not trusted', async () => {
    const service = await startSmall({ SOCKETS_PER_NETWORK: 1, TRUST_PROXY: 0 });
    expect((await service.shakeHands('192.0.2.1')).status).toBe(200);
    for (const address of ['192.0.2.2', '192.0.2.3'])
      expect((await service.shakeHands(address)).status).toBe(503);
    expect(timesOf(service, PROXY)).toBe(1);
  });
});

test('beyond the places in all, nobody gets one, wherever they come from', async () => {
  const service = await startSmall({ SOCKETS_MAX: 2 });
  await service.openWebSocket('192.0.2.1');
  await service.shakeHands('192.0.2.2');
  expect((await service.openWebSocket('192.0.2.3')).status).toBe(503);
  expect((await service.shakeHands('192.0.2.4')).status).toBe(503);
  expect(await service.metric('sockets_refused_total{reason="total"}')).toBe(2);
});

test.each([
  ['development', 200],
  ['production', 503],
] as const)(
  'in %s the second handshake of a program on this machine is answered %i',
  async (NODE_ENV, status) => {
    const service = await startTestService({ feed, config: { NODE_ENV, SOCKETS_PER_NETWORK: 1 } });
    expect((await fetch(`${service.url}${POLLING}`)).status).toBe(200);
    expect((await fetch(`${service.url}${POLLING}`)).status).toBe(status);
  },
);

test('who shakes hands and never joins is forgotten within seconds; who joined stays', async () => {
  const service = await startSmall({});
  const [client, polling] = [service.client(), service.client({ transports: ['polling'] })];
  await Promise.all([next(client, 'connect'), next(polling, 'connect')]);
  for (let i = 0; i < 20; i++) await service.shakeHands(`192.0.2.${i}`);
  const { socket } = await service.openWebSocket('192.0.2.1');
  const isClosed = once(socket, 'close');
  expect(await service.metric('socket_connections')).toBe(23);
  await vi.waitFor(async () => expect(await service.metric('socket_connections')).toBe(2), 7_000);
  await isClosed;
  expect([client.connected, polling.connected]).toEqual([true, true]);
});

test('what is asked for below the path of Socket.IO is bounded as everything else on a connection', async () => {
  const service = await startSmall({});
  const socket = connect(service.port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  const ended = once(socket, 'close');
  socket.write('GET /socket.io/?EIO=4&transport=nothing HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500));
  await ended;
  expect(received.split('HTTP/1.1 400').length - 1).toBeLessThanOrEqual(64);
});

test('a place that is given back twice is free once', () => {
  const places = createPlaces({ inAll: 1, perNetwork: 1 });
  const place = places.take('a');
  if (typeof place === 'string') throw new Error(place);
  place.leave();
  expect(places.take('b')).not.toBe('total');
  place.leave();
  expect(places.take('c')).toBe('total');
});
