import { connect, type Socket } from 'node:net';
import { until } from '@hbf/drills/until';
import { describe, expect, it } from 'vitest';
import { type Inspected, inspect, run } from './containers.ts';
import type { Release, Service } from './release.ts';

/** More than a service keeps (1,500). */
const CONNECTIONS = 2_500;
/** As many as result has places for. */
const SOCKETS = 1_500;
const AT_A_TIME = 100;

const request = (method: string, target: string, headers: readonly string[] = []) =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');
/** A text frame of a WebSocket, masked with zeros. */
const frame = (text: string) => Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0, ...Buffer.from(text)]);

/** What the server asks each so often, and the answer. */
const PING = '\x81\x012';
const PONG = frame('3');

const ASKS = request('GET', '/problems/internal');
const ANNOUNCES = request('POST', '/api/polls/faults/ballots', [
  'Content-Type: application/json',
  'Content-Length: 1000',
]);
const SHAKES_HANDS = request('GET', '/socket.io/?EIO=4&transport=websocket', [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
]);

/** That a container's memory holds, with all that is in it, what vote and result keep of those who only take it. */
export function testCrowds(release: Release): void {
  /** Resolves when it is connected and `isDone` of what came, or when the service has closed it. */
  async function open(url: string, bytes: string, isDone: (received: string) => boolean): Promise<Socket> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (text) => {
      if (received.length < 1_000) received += text;
    });
    socket.on('error', () => {});
    socket.write(bytes);
    await until('it is answered', () => socket.closed || (!socket.connecting && isDone(received)));
    return socket;
  }

  async function openMany(count: number, one: () => Promise<Socket>): Promise<Socket[]> {
    const all: Socket[] = [];
    // As fast as a service accepts them.
    while (all.length < count) all.push(...(await Promise.all(Array.from({ length: AT_A_TIME }, one))));
    return all;
  }

  /** Resolves when a health check that began after now has ended well. */
  async function untilCheckedAnew(service: Service): Promise<Inspected> {
    const now = Date.now();
    return until(`${service} is healthy`, async () => {
      const container = await inspect(release.container(service));
      const checks = container.State.Health?.Log ?? [];
      return checks.some(({ Start, ExitCode }) => Date.parse(Start) > now && ExitCode === 0) && container;
    });
  }

  describe.each([
    ['vote', release.voteUrl],
    ['result', release.resultUrl],
  ] as const)('crowds of connections to %s', (service, url) => {
    it('fit into its container beside all else that is in there, and it goes on answering', async () => {
      const { RestartCount } = await inspect(release.container(service));
      const opened: Socket[] = [];
      try {
        if (service === 'result') {
          const sockets = await openMany(SOCKETS, async () => {
            const socket = await open(url, SHAKES_HANDS, (received) => received.includes('\r\n\r\n'));
            // At once, as each ping is answered: who does not is closed after a while, and opening all may take longer.
            socket.write(Buffer.concat([frame('40'), frame('420["watch","faults"]')]));
            socket.on('data', (text) => text.includes(PING) && socket.write(PONG));
            return socket;
          });
          opened.push(...sockets);
          expect(sockets.filter(({ closed }) => closed).length).toBe(0);
        }
        const isAnswered = (received: string) => received.includes('HTTP/1.1 ');
        opened.push(...(await openMany(CONNECTIONS, () => open(url, ASKS, isAnswered))));
        await untilCheckedAnew(service);
        const isAccepted = service === 'vote' ? () => true : isAnswered;
        opened.push(...(await openMany(CONNECTIONS, () => open(url, ANNOUNCES, isAccepted))));
        const after = await untilCheckedAnew(service);
        expect(after.RestartCount).toBe(RestartCount);
        expect(after.State).toMatchObject({ Running: true, OOMKilled: false });
        // By the kernel's own count, in the place of either version of its control groups: the check too may be ended.
        const events = await run(
          release.container(service),
          ...[
            'sh',
            '-c',
            'cd /sys/fs/cgroup && cat memory.events memory/memory.oom_control 2>/dev/null; true',
          ],
        );
        expect(events).toMatch(/^oom_kill 0$/m);
        expect((await fetch(`${url}/p/faults`)).status).toBe(200);
      } finally {
        for (const socket of opened) socket.destroy();
      }
    });
  });
}
