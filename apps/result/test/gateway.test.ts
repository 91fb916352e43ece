import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Problem } from '@hbf/contracts/problems';
import type { Tally } from '@hbf/contracts/tally';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createFakeFeed } from './support/fake-feed.ts';
import { next, startTestService } from './support/service.ts';
import { keptOf, NOW, partitionOf, pollOf, snapshotOf } from './support/snapshots.ts';

const feed = createFakeFeed(snapshotOf());
const service = await startTestService({ feed });

const watch = (
  socket: ReturnType<typeof service.client>,
  ...args: unknown[]
): Promise<Omit<Tally, 'status'> & Omit<Problem, 'status'> & { status: unknown }> =>
  socket.timeout(3_000).emitWithAck('watch', ...args);

describe.each([['websocket'], ['polling']])('over %s', (transport) => {
  test('a watcher gets the tally in the acknowledgement, and hears of the change', async () => {
    const socket = service.client({ transports: [transport] });
    feed.give(snapshotOf());
    expect(await watch(socket, 'best-friend')).toMatchObject({
      poll: 'best-friend',
      turnout: 3,
      status: 'live',
    });
    feed.give(snapshotOf({ polls: [keptOf({ turnout: 4, votes: [3, 1] })] }));
    await vi.waitFor(async () => {
      expect(await next<Tally>(socket, 'tally')).toMatchObject({
        turnout: 4,
        options: [{ votes: 3 }, { votes: 1 }],
      });
    });
    socket.disconnect();
  });

  test('hears the tally again every second though nothing changed', async () => {
    const socket = service.client({ transports: [transport] });
    await watch(socket, 'best-friend');
    await next(socket, 'tally', 1_500);
    await next(socket, 'tally', 1_500);
    socket.disconnect();
  });
});

test('who does not watch a poll hears nothing of it', async () => {
  const other = keptOf({ poll: pollOf({ key: 'other', rank: 1 }) });
  feed.give(snapshotOf({ polls: [keptOf(), other] }));
  const [one, both] = [service.client(), service.client()];
  const heard: string[] = [];
  one.on('tally', (tally: Tally) => heard.push(tally.poll));
  await watch(one, 'other');
  await watch(both, 'best-friend');
  await watch(both, 'other');
  const polls = new Set<string>();
  both.on('tally', (tally: Tally) => polls.add(tally.poll));
  await vi.waitFor(() => expect(polls).toEqual(new Set(['best-friend', 'other'])));
  await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0));
  expect(new Set(heard)).toEqual(new Set(['other']));
  one.disconnect();
  both.disconnect();
});

test('a burst of changes is emitted at most 20 times a second, and the last state always goes out', async () => {
  const socket = service.client();
  await watch(socket, 'best-friend');
  const heard: { at: number; turnout: number }[] = [];
  socket.on('tally', (tally: Tally) => heard.push({ at: performance.now(), turnout: tally.turnout }));
  let turnout = 1_000;
  const started = performance.now();
  await vi.waitUntil(
    () => {
      turnout += 1;
      feed.give(snapshotOf({ polls: [keptOf({ turnout })] }));
      return performance.now() - started > 2_000;
    },
    { interval: 5, timeout: 4_000 },
  );
  await vi.waitUntil(() => heard.at(-1)?.turnout === turnout, { interval: 5, timeout: 1_900 });
  const seconds = (heard.at(-1)!.at - started) / 1_000;
  expect(heard.length).toBeLessThanOrEqual(Math.ceil(seconds * 20) + 1);
  expect(heard.length).toBeGreaterThan(20);
  socket.disconnect();
});

describe('bad input', () => {
  test.each([
    ['an unknown poll', 'nope', '/problems/unknown-poll'],
    ['__proto__', '__proto__', '/problems/unknown-poll'],
    ['a NUL byte', 'best-friend\0', '/problems/unknown-poll'],
    ['3,000 characters', 'x'.repeat(3_000), '/problems/unknown-poll'],
    ['an object', { poll: 'best-friend' }, '/problems/malformed'],
    ['a number', 7, '/problems/malformed'],
    ['null', null, '/problems/malformed'],
    ['an array', ['best-friend'], '/problems/malformed'],
    ['bytes', Buffer.from('best-friend'), '/problems/malformed'],
  ])('%s is answered with a problem', async (_name, poll, type) => {
    const socket = service.client();
    const answer = await watch(socket, poll);
    expect(answer).toMatchObject({ type });
    expect(answer.title).toBeTruthy();
    expect(answer.status).toSatisfy((status: number) => status >= 400);
    expect(answer.detail).toBeTruthy();
    socket.disconnect();
  });

  test('nothing at all is answered with a problem', async () => {
    const socket = service.client();
    expect(await watch(socket)).toMatchObject({ type: '/problems/malformed' });
    socket.disconnect();
  });

  test('without a function for the answer a good poll is watched and a bad one ignored', async () => {
    const socket = service.client();
    await next(socket, 'connect');
    for (const poll of [undefined, {}, 'nope', '__proto__']) socket.emit('watch', poll);
    socket.emit('watch', 'best-friend', 'no function');
    expect(await next<Tally>(socket, 'tally')).toMatchObject({ poll: 'best-friend' });
    socket.disconnect();
  });

  test('unknown events, among them one called error, change nothing', async () => {
    const socket = service.client();
    await next(socket, 'connect');
    for (const event of ['error', '__proto__', 'tally', 'toString']) socket.emit(event, { x: 1 });
    expect(await watch(socket, 'best-friend')).toMatchObject({ poll: 'best-friend' });
    socket.disconnect();
  });

  test('10,000 characters are too much for a message: the connection is closed', async () => {
    const socket = service.client();
    await next(socket, 'connect');
    socket.emit('watch', 'x'.repeat(10_000));
    await next(socket, 'disconnect');
  });

  test('10,000 characters are refused over polling too', async () => {
    const socket = service.client({ transports: ['polling'] });
    await next(socket, 'connect');
    socket.emit('watch', 'x'.repeat(10_000));
    await next(socket, 'disconnect');
  });

  test('a namespace of its own is refused', async () => {
    const socket = service.client();
    const admin = socket.io.socket('/admin');
    admin.connect();
    expect(await next<Error>(admin, 'connect_error')).toMatchObject({ message: 'Invalid namespace' });
    admin.disconnect();
    socket.disconnect();
  });
});

describe('limits', () => {
  test('a flood of messages closes the connection, and others do not notice', async () => {
    const [flood, calm] = [service.client(), service.client()];
    await watch(calm, 'best-friend');
    await watch(flood, 'best-friend');
    const over = next(flood, 'disconnect');
    for (let message = 0; message < 100; message += 1) flood.emit('watch', 'best-friend', () => {});
    await over;
    await next(calm, 'tally');
    calm.disconnect();
  });

  test('one connection watches at most 20 polls', async () => {
    const polls = Array.from({ length: 22 }, (_, rank) =>
      keptOf({ poll: pollOf({ key: `poll-${rank}`, rank }) }),
    );
    const many = await startTestService({ feed: createFakeFeed(snapshotOf({ polls })) });
    const socket = many.client();
    for (let rank = 0; rank < 20; rank += 1) {
      expect(await watch(socket, `poll-${rank}`)).toMatchObject({ poll: `poll-${rank}` });
    }
    expect(await watch(socket, 'poll-20')).toMatchObject({ type: '/problems/too-many-requests' });
    expect(await watch(socket, 'poll-3')).toMatchObject({ poll: 'poll-3' });
  });

  test('a client that never reads is not owed more and more, and is closed in the end', async () => {
    // 30 options with long labels: a tally of 1 MB fills what the operating system buffers after a few.
    const options = Array.from({ length: 30 }, (_, index) => ({
      key: `o${index}`,
      label: 'x'.repeat(35_000),
    }));
    const heavy = createFakeFeed();
    const give = (turnout: number) =>
      heavy.give(
        snapshotOf({ polls: [keptOf({ poll: pollOf({ options }), votes: options.map(() => 0), turnout })] }),
      );
    give(1);
    const slow = await startTestService({ feed: heavy });
    const connections: { writeBuffer: unknown[] }[] = [];
    slow.io.engine.on('connection', (connection: { writeBuffer: unknown[] }) => connections.push(connection));

    const socket = connectTcp(slow.port, '127.0.0.1');
    socket.write(
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await once(socket, 'data');
    for (const text of ['40', '42["watch","best-friend"]']) socket.write(frame(text));
    await vi.waitUntil(() => slow.io.sockets.adapter.rooms.has('poll:best-friend'));
    socket.pause();
    const closed = vi.waitUntil(() => slow.io.sockets.sockets.size === 0, { timeout: 18_000, interval: 100 });
    let turnout = 1;
    const feeding = setInterval(() => {
      turnout += 1;
      give(turnout);
    }, 100);
    let most = 0;
    const measuring = setInterval(() => {
      most = Math.max(most, ...connections.map(({ writeBuffer }) => writeBuffer.length));
    }, 20);
    await closed;
    clearInterval(feeding);
    clearInterval(measuring);
    // Its tallies were dropped meanwhile; what may wait is a ping.
    expect(turnout).toBeGreaterThan(50);
    expect(most).toBeLessThanOrEqual(2);
    socket.destroy();
    await slow.close();
  });
});

test.each(['ping', 'pong'] as const)(
  'a client that floods with frames of WebSocket (%s) is hung up on',
  async (kind) => {
    const url = new URL('/socket.io/?EIO=4&transport=websocket', service.url);
    url.protocol = 'ws:';
    const client = new WebSocket(url);
    await once(client, 'open');
    const closed = once(client, 'close');
    for (let i = 0; i < 200; i++) client[kind]();
    const [code] = await closed;
    expect(code).toBe(1006);
  },
);

/** A text frame as a client sends it; the mask is zero, so the text stands as it is. */
function frame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

test('before the first read the answer is that it is unavailable; afterwards the same socket can watch', async () => {
  const late = createFakeFeed();
  const early = await startTestService({ feed: late });
  const socket = early.client();
  expect(await watch(socket, 'best-friend')).toMatchObject({ type: '/problems/unavailable', retryAfter: 1 });
  late.give(snapshotOf());
  expect(await watch(socket, 'best-friend')).toMatchObject({ turnout: 3 });
});

test('hidden votes do not come through a socket either', async () => {
  const poll = pollOf({ results: 'after-close', closesAt: NOW + 3_600_000 });
  const hiding = createFakeFeed(
    snapshotOf({ polls: [keptOf({ poll, votes: [48_151, 62_342], turnout: 9 })] }),
  );
  const quiet = await startTestService({ feed: hiding });
  const socket = quiet.client();
  const answer = await watch(socket, 'best-friend');
  const event = await next<Tally>(socket, 'tally');
  for (const tally of [answer, event]) {
    expect(tally.options.map(({ votes }) => votes)).toEqual([null, null]);
    expect(JSON.stringify(tally)).not.toMatch(/48151|62342/);
  }
});

describe('metrics', () => {
  test('count the open connections, and leave the transport out of the request times', async () => {
    const { registry } = service.metrics;
    const count = async () => Number(/^socket_connections (\d+)$/m.exec(await registry.metrics())?.[1]);
    await vi.waitFor(async () => expect(await count()).toBe(0));
    const [one, two] = [service.client(), service.client({ transports: ['polling'] })];
    await watch(one, 'best-friend');
    await watch(two, 'best-friend');
    expect(await count()).toBe(2);
    one.disconnect();
    two.disconnect();
    await vi.waitFor(async () => expect(await count()).toBe(0));
    const requests = (await registry.metrics()).match(
      /http_request_duration_seconds_count\{[^}]*\} [1-9]\d*/g,
    );
    expect(requests).toBeNull();
  });

  test('measure from acceptance to emission, once for each partition that moved on', async () => {
    const moving = createFakeFeed();
    const measured = await startTestService({ feed: moving });
    const partitions = (first: number, second: number) => [
      partitionOf({ recordedUpTo: first }),
      partitionOf({ partition: 1, recordedUpTo: second }),
    ];
    const histogram = async () => {
      const text = await measured.metrics.registry.metrics();
      const value = (name: string) =>
        Number(new RegExp(`^tally_freshness_seconds_${name} (.+)$`, 'm').exec(text)?.[1]);
      return { count: value('count'), sum: value('sum') };
    };
    moving.give(snapshotOf({ partitions: partitions(NOW - 90_000, 0) }));
    await vi.waitUntil(() => measured.io, 100);
    expect((await histogram()).count).toBe(0);
    moving.give(snapshotOf({ partitions: partitions(NOW - 250, 0) }));
    await vi.waitFor(async () => expect((await histogram()).count).toBe(1));
    expect((await histogram()).sum).toBeGreaterThanOrEqual(0.25);
    expect((await histogram()).sum).toBeLessThan(2);
    // A clock that runs ahead must not make the sum smaller.
    moving.give(snapshotOf({ partitions: partitions(NOW + 60_000, NOW - 100) }));
    await vi.waitFor(async () => expect((await histogram()).count).toBe(3));
    expect((await histogram()).sum).toBeLessThan(4);
    moving.give(
      snapshotOf({ partitions: partitions(NOW + 60_000, NOW - 100), polls: [keptOf({ turnout: 8 })] }),
    );
    const socket = measured.client();
    await watch(socket, 'best-friend');
    await next(socket, 'tally');
    expect((await histogram()).count).toBe(3);
  });
});
