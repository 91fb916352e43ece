import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '@hbf/local-services/free-port';
import { createFlow, type Flow } from './flow.ts';
import type { Link } from './system.ts';

/** A TCP proxy that can delay, hold back, cut or swallow what passes. */
export type TcpProxy = Link & {
  readonly port: number;
  /** Holds back what clients send to the server (what is held goes on, in order, at `mend`). */
  holdRequests(): void;
  /** Holds back what the server answers. */
  holdAnswers(): void;
  /** How many connections there are that are not forgotten. */
  connections(): number;
  close(): Promise<void>;
};

const LISTEN_AGAIN_MS = 20;

type Connection = {
  sockets: Socket[];
  requests?: Flow;
  answers?: Flow;
  /** One side has broken off while nothing may pass: the other is told when it may. */
  broken?: true;
  connect(): void;
};

/** @param at the address of this machine where it listens. */
export async function startTcpProxy(
  target: { host: string; port: number },
  at = '127.0.0.1',
): Promise<TcpProxy> {
  const connections = new Set<Connection>();
  const forgotten = new Set<Connection>();
  let delayMs = 0;
  let holdingRequests = false;
  let holdingAnswers = false;
  let listener: Server | undefined;

  const reset = (connection: Connection) => {
    connections.delete(connection);
    forgotten.delete(connection);
    for (const socket of connection.sockets) socket.resetAndDestroy();
  };

  const accept = (client: Socket) => {
    const connection: Connection = {
      sockets: [],
      connect() {
        const server = createConnection({ ...target, allowHalfOpen: true });
        watch(server);
        connection.requests = createFlow(client, server, () => delayMs);
        connection.answers = createFlow(server, client, () => delayMs);
        if (holdingRequests) connection.requests.hold();
        if (holdingAnswers) connection.answers.hold();
      },
    };
    const watch = (socket: Socket) => {
      connection.sockets.push(socket);
      socket.setNoDelay(true);
      // Neither side may learn from a connection that is forgotten that the other is gone.
      socket.on('error', () => {
        if (forgotten.has(connection)) return;
        if (holdingRequests || holdingAnswers) connection.broken = true;
        else reset(connection);
      });
      socket.on('close', () => {
        if (!connection.broken && connection.sockets.every(({ closed }) => closed)) {
          connections.delete(connection);
        }
      });
    };
    watch(client);
    connections.add(connection);
    // While nothing may pass the server must not even hear that there is somebody.
    if (holdingRequests) client.pause();
    else connection.connect();
  };

  // Not one that the kernel may give to a client: while it is cut, that client would meet itself there.
  const port = await freePort();
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      listener = createServer({ allowHalfOpen: true }, accept);
      listener.once('error', reject);
      listener.listen(port, at, resolve);
    });
  const listenAgain = () => {
    listen().catch(() => {
      // Somebody tries whether the port is free. Not if it was cut or closed meanwhile.
      if (listener) setTimeout(() => listener && listenAgain(), LISTEN_AGAIN_MS);
    });
  };
  await listen();

  const proxy: TcpProxy = {
    port,
    delay(ms) {
      delayMs = ms;
    },
    hold() {
      proxy.holdRequests();
      proxy.holdAnswers();
    },
    holdRequests() {
      holdingRequests = true;
      for (const { requests, sockets } of connections) requests ? requests.hold() : sockets[0]?.pause();
    },
    holdAnswers() {
      holdingAnswers = true;
      for (const { answers } of connections) answers?.hold();
    },
    mend() {
      delayMs = 0;
      holdingRequests = false;
      holdingAnswers = false;
      for (const connection of connections) {
        if (connection.broken) reset(connection);
        else if (!connection.requests) connection.connect();
        connection.requests?.go();
        connection.answers?.go();
      }
      if (!listener) listenAgain();
    },
    forget() {
      for (const connection of connections) {
        connection.requests?.swallow();
        connection.answers?.swallow();
        if (!connection.requests) connection.sockets[0]?.on('data', () => {}).resume();
        connections.delete(connection);
        forgotten.add(connection);
      }
    },
    connections: () => connections.size,
    cut() {
      listener?.close();
      listener = undefined;
      for (const connection of connections) reset(connection);
    },
    async close() {
      listener?.close();
      listener = undefined;
      for (const connection of [...connections, ...forgotten]) reset(connection);
    },
  };
  return proxy;
}
