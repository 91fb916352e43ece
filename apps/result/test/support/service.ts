import { closeServer, listen } from '@hbf/service-kit/http-server';
import type { Logger } from '@hbf/service-kit/logger';
import { io as connect, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { afterAll } from 'vitest';
import { createApp } from '../../src/app.ts';
import { openGateway } from '../../src/gateway.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { ReceiptDesk } from '../../src/receipt-desk.ts';
import type { TallyFeed } from '../../src/tally-feed.ts';
import type { TurnoutHistory } from '../../src/turnout-history.ts';

export type TestConfig = {
  TRUST_PROXY: number | string[];
  PUBLIC_VOTE_URL?: string;
  PUBLIC_RESULT_URL?: string;
  NETWORK_ADDRESS?: string;
  NODE_ENV: 'production' | 'development' | 'test';
  SOCKETS_MAX: number;
  SOCKETS_PER_NETWORK: number;
};

/** A log that keeps what it was told, as text. */
export function createTestLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (...args: unknown[]) => {
    lines.push(args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' '));
  };
  const log = { debug: write, info: write, warn: write, error: write, fatal: write } as unknown as Logger;
  return { log, lines };
}

const noReceipts: ReceiptDesk = { lookUp: async () => ({ kind: 'unknown' }) };
const noTurnout: TurnoutHistory = { points: () => undefined };

export function createTestApp(deps: {
  feed: TallyFeed;
  turnout?: TurnoutHistory;
  receipts?: ReceiptDesk;
  config?: Partial<TestConfig>;
}) {
  const { log, lines } = createTestLog();
  const metrics = createMetrics();
  const config = {
    TRUST_PROXY: 0,
    PUBLIC_VOTE_URL: undefined,
    VOTE_PORT: 5002,
    NETWORK_ADDRESS: undefined,
    PUBLIC_RESULT_URL: undefined,
    NODE_ENV: 'development' as const,
    SOCKETS_MAX: 1_000,
    SOCKETS_PER_NETWORK: 1_000,
    ...deps.config,
  };
  const { feed, turnout = noTurnout, receipts = noReceipts } = deps;
  const app = createApp({ feed, turnout, receipts, log, metrics, config });
  return { app, metrics, log, lines, config };
}

/** The whole service on a port of its own, as `main.ts` puts it together; it ends with the test file. */
export async function startTestService(deps: Parameters<typeof createTestApp>[0] & { port?: number }) {
  const { app, metrics, log, lines, config } = createTestApp(deps);
  const gateway = openGateway(app, { feed: deps.feed, metrics, config, log });
  const { server } = gateway;
  const port = await listen(server, deps.port ?? 0, '127.0.0.1');
  const sockets: Socket[] = [];
  const close = async () => {
    for (const socket of sockets) socket.disconnect();
    const closed = closeServer(server);
    await gateway.close();
    await closed;
  };
  afterAll(close);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    server,
    io: gateway.io,
    metrics,
    lines,
    close,
    /** A real client, not yet connected or already, as the options say. */
    client(options: Partial<ManagerOptions & SocketOptions> = {}): Socket {
      const socket = connect(`http://127.0.0.1:${port}`, {
        forceNew: true,
        reconnection: false,
        transports: ['websocket'],
        ...options,
      });
      sockets.push(socket);
      return socket;
    },
  };
}

/** Resolves with the next event of that name; rejects when it does not come. */
export function next<T>(socket: Socket, event: string, withinMs = 5_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${event}" within ${withinMs} ms`)), withinMs);
    socket.once(event, (value: T) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
