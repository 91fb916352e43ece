import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createHttpServer } from '@hbf/service-kit/http-server';
import type { Logger } from '@hbf/service-kit/logger';
import { isCrossSite } from '@hbf/service-kit/request-origin';
import { securityHeaders } from '@hbf/service-kit/security-headers';
import { Server as Engine } from 'engine.io';
import type { Config } from './config.ts';
import { type Connection, guardConnection } from './guard-connection.ts';
import { LimitedWebSockets } from './limited-web-sockets.ts';
import type { ResultMetrics } from './metrics.ts';
import { createNetworkOf } from './network-of.ts';
import { createNetworkWarnings } from './network-warnings.ts';
import { createPlaces, type Place } from './places.ts';
import { problem } from './problem.ts';
import { handleUpgrades } from './upgrades.ts';

/** Below it, everything is Socket.IO's. */
const PATH = '/socket.io/';
/** How long clients may take to close their sockets when the service stops (ms). */
const FAREWELL_MS = 1_000;
/** When who is refused for want of a place should come again (s). */
const RETRY_AFTER_S = 5;

export type SocketServer = {
  server: Server;
  /** The transports, for Socket.IO to be bound to. */
  engine: Engine;
  /** Resolves when every upgraded connection is gone, those too whose clients do not answer any more. */
  closeUpgraded(): Promise<void>;
};

/**
 * The HTTP server of the app and of Socket.IO's transports. The engine is not attached to it: it would put itself in
 * front of what counts the answers that are owed, and take requests for upgrades that it cannot serve.
 */
export function createSocketServer(
  app: RequestListener,
  deps: {
    config: Pick<
      Config,
      'TRUST_PROXY' | 'NODE_ENV' | 'PUBLIC_RESULT_URL' | 'SOCKETS_MAX' | 'SOCKETS_PER_NETWORK'
    >;
    metrics: Pick<ResultMetrics, 'sockets' | 'socketsRefused'>;
    log: Pick<Logger, 'error' | 'warn'>;
    hasJoined: (connection: Connection) => boolean;
  },
): SocketServer {
  const { config, metrics } = deps;
  const places = createPlaces({ inAll: config.SOCKETS_MAX, perNetwork: config.SOCKETS_PER_NETWORK });
  const networkOf = createNetworkOf(config);
  const warnings = createNetworkWarnings(deps.log);
  const setHeaders = securityHeaders({ publicUrl: config.PUBLIC_RESULT_URL, forms: false });

  /** The places of handshakes, by their requests. */
  const placeOf = new WeakMap<IncomingMessage, Place>();
  const takePlace = (req: IncomingMessage): Place | undefined => {
    const client = networkOf(req);
    const place = places.take(client?.network);
    if (typeof place === 'string') {
      metrics.socketsRefused.inc({ reason: place });
      if (place === 'network') warnings.usedUp(req, client?.address, places.areOfOneNetwork());
      return undefined;
    }
    placeOf.set(req, place);
    return place;
  };

  const engine = new Engine({
    maxHttpBufferSize: 4_096,
    perMessageDeflate: false,
    httpCompression: false,
    wsEngine: LimitedWebSockets,
    upgradeTimeout: 5_000,
    // A peer that vanished is noticed within 20 s.
    pingInterval: 10_000,
    pingTimeout: 10_000,
    // Asked for every handshake, whatever its transport.
    allowRequest: (req: IncomingMessage & { res?: ServerResponse }, decide) => {
      // CORS does not hold for WebSocket: without this any site could open one from a visitor's browser, into a network
      // that only the visitor reaches. One whose name is made to lead here still can: docs/security.md.
      if (isCrossSite(req.headers, config.PUBLIC_RESULT_URL)) return decide(null, false);
      // A WebSocket has its place already.
      if (placeOf.has(req)) return decide(null, true);
      const place = takePlace(req);
      // Answered here, since all that the engine can answer is 403.
      if (!place) return sendFull(req.res!);
      req.res!.once('close', () => {
        if (!sessions.has(req)) place.leave();
      });
      decide(null, true);
    },
  });

  /** The handshakes that led to a session by polling. */
  const sessions = new WeakSet<IncomingMessage>();
  // Its answers bypass the app, and so would be the only ones without these headers.
  engine.use(setHeaders);
  engine.on('connection', (connection: Connection) => {
    metrics.sockets.inc();
    connection.once('close', () => metrics.sockets.dec());
    guardConnection(connection, deps.hasJoined);
    if (connection.transport.name !== 'polling') return;
    sessions.add(connection.request);
    const place = placeOf.get(connection.request);
    connection.once('close', () => place?.leave());
    // The WebSocket has one of its own.
    connection.once('upgrade', () => place?.leave());
  });

  const server = createHttpServer((req, res) => {
    if (req.url?.startsWith(PATH)) engine.handleRequest(req as Parameters<Engine['handleRequest']>[0], res);
    else app(req, res);
  });
  const upgraded = new Set<Socket>();
  handleUpgrades(server, {
    log: deps.log,
    answer: (req) => {
      const isWebSocket = req.headers.upgrade?.toLowerCase() === 'websocket' && req.url?.startsWith(PATH);
      if (!isWebSocket) return (_req, res) => server.emit('request', req, res);
      // Also where a session by polling asks for it, which has a place: one session could ask a thousand times.
      if (!takePlace(req)) return (_req, res) => setHeaders(req as never, res as never, () => sendFull(res));
      return undefined;
    },
    upgrade: (req, socket, head) => {
      upgraded.add(socket);
      socket.once('close', () => {
        upgraded.delete(socket);
        placeOf.get(req)!.leave();
      });
      engine.handleUpgrade(req as Parameters<Engine['handleUpgrade']>[0], socket, head);
    },
  });

  return {
    server,
    engine,
    async closeUpgraded() {
      const gone = [...upgraded].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      const force = setTimeout(() => {
        for (const socket of upgraded) socket.destroy();
      }, FAREWELL_MS);
      await Promise.all(gone);
      clearTimeout(force);
    },
  };
}

/** Refuses a handshake for want of a place. */
function sendFull(res: ServerResponse): void {
  const full = problem(
    'unavailable',
    'Too many watch at the moment, from your network or in all. The page and the API still tell the tally.',
    RETRY_AFTER_S,
  );
  res.writeHead(full.status, {
    'Retry-After': RETRY_AFTER_S,
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json; charset=utf-8',
  });
  res.end(JSON.stringify(full));
}
