import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll } from 'vitest';

/**
 * A TCP port that leads to a Redis, as if over a line so slow that no more than `bytesPerReply` arrive in the time that
 * a read has: of a longer reply the rest never comes, nor anything behind it on that connection.
 */
export async function startThinLine(
  port: number,
  bytesPerReply: number,
): Promise<{ url: string; stuck(): number }> {
  let stuck = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let left = bytesPerReply;
    client.on('data', (request) => {
      if (left >= 0) left = bytesPerReply;
      upstream.write(request);
    });
    upstream.on('data', (reply) => {
      if (left < 0) return;
      left -= reply.length;
      if (left < 0) stuck += 1;
      else client.write(reply);
    });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, stuck: () => stuck };
}
