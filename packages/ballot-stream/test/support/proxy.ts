import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll } from 'vitest';

type Direction = 'requests' | 'replies';

/** A TCP proxy whose two directions can be held, let go on, or cut, so that a test decides what gets through. */
export type Proxy = {
  url: string;
  /** What comes from now on waits. Resolves to nothing: it takes effect at once. */
  hold(direction: Direction): void;
  /** How many bytes wait. */
  held(direction: Direction): number;
  /** Lets everything go on, what waits first. */
  release(direction: Direction): void;
  /** Cuts every connection; what waits is gone. */
  cut(): void;
};

export async function startProxy(targetPort: number): Promise<Proxy> {
  const waiting: Record<Direction, { to: Socket; data: Buffer }[]> = { requests: [], replies: [] };
  const holding: Record<Direction, boolean> = { requests: false, replies: false };
  const sockets = new Set<Socket>();
  const pass = (direction: Direction, from: Socket, to: Socket) => {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (data) => {
      if (holding[direction]) waiting[direction].push({ to, data });
      else to.write(data);
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    pass('requests', client, upstream);
    pass('replies', upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    waiting.requests = [];
    waiting.replies = [];
    for (const socket of sockets) socket.destroy();
  };
  afterAll(() => {
    cut();
    server.close();
  });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold(direction) {
      holding[direction] = true;
    },
    held: (direction) => waiting[direction].reduce((bytes, { data }) => bytes + data.length, 0),
    release(direction) {
      holding[direction] = false;
      for (const { to, data } of waiting[direction].splice(0)) to.write(data);
    },
    cut,
  };
}
