import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1 that can hold back, cut or swallow what passes. */
export type TcpProxy = {
  readonly port: number;
  /** Holds back what clients send to the server (what is held goes on, in order, at `resume`). */
  holdRequests(): void;
  /** Holds back what the server answers. */
  holdAnswers(): void;
  resume(): void;
  /** From now on nothing passes on the present connections, and nobody is told; new ones are not concerned. */
  forget(): void;
  /** How many connections there are that are not forgotten. */
  connections(): number;
  /** Cuts every connection; new ones are refused until `resume`. */
  cut(): void;
  close(): Promise<void>;
};

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<{ client: Socket; server: Socket }>();
  const forgotten = new Set<{ client: Socket; server: Socket }>();
  let holdingRequests = false;
  let holdingAnswers = false;
  let refusing = false;

  const listener: Server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const server = createConnection(target);
    const pair = { client, server };
    pairs.add(pair);
    const end = () => {
      client.destroy();
      server.destroy();
      pairs.delete(pair);
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => client.write(data));
    if (holdingRequests) client.pause();
    if (holdingAnswers) server.pause();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  const cut = () => {
    for (const { client } of pairs) client.destroy();
  };
  return {
    port: address.port,
    holdRequests() {
      holdingRequests = true;
      for (const { client } of pairs) client.pause();
    },
    holdAnswers() {
      holdingAnswers = true;
      for (const { server } of pairs) server.pause();
    },
    resume() {
      holdingRequests = false;
      holdingAnswers = false;
      refusing = false;
      for (const { client, server } of pairs) {
        client.resume();
        server.resume();
      }
    },
    forget() {
      for (const pair of pairs) {
        pair.client.removeAllListeners('data').resume();
        pair.server.removeAllListeners('data').resume();
        for (const socket of [pair.client, pair.server]) {
          socket.removeAllListeners('close').removeAllListeners('end');
        }
        forgotten.add(pair);
        pairs.delete(pair);
      }
    },
    connections: () => pairs.size,
    cut() {
      refusing = true;
      cut();
    },
    close() {
      cut();
      for (const { client, server } of forgotten) {
        client.destroy();
        server.destroy();
      }
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}
