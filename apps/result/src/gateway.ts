import type { Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Problem } from '@hbf/contracts/problems';
import type { Tally } from '@hbf/contracts/tally';
import { isCrossSite } from '@hbf/service-kit/request-origin';
import { securityHeaders } from '@hbf/service-kit/security-headers';
import { Server, type Socket } from 'socket.io';
import { createFreshnessMeter } from './freshness-meter.ts';
import { type Connection, guardConnection } from './guard-connection.ts';
import { LimitedWebSockets } from './limited-web-sockets.ts';
import type { ResultMetrics } from './metrics.ts';
import { NO_SUCH_POLL, NO_TALLY_YET, problem, unavailable } from './problem.ts';
import { refuseUpgrades } from './refuse-upgrades.ts';
import type { TallyFeed } from './tally-feed.ts';
import { createThrottle } from './throttle.ts';

/** The shortest time between two emissions of a poll's tally (ms): at most 20 a second. */
const EMIT_GAP_MS = 50;
/** Every tally is emitted this often (ms) even if nothing changed: it is the page's sign of life. */
const REPEAT_EVERY_MS = 1_000;
/** How many polls one socket may watch. */
const MAX_WATCHED = 20;
/** How long clients may take to close their sockets when the service stops (ms). */
const FAREWELL_MS = 1_000;

const ROOM_PREFIX = 'poll:';
/** The sockets that still have not taken what they were sent. */
const BEHIND = 'behind';

/** The live side of the service: sockets watch polls, and hear each change of their tallies. */
export type Gateway = {
  io: Server;
  /** Ends all sockets, also those whose clients do not answer any more. */
  close(): Promise<void>;
};

/**
 * Serves Socket.IO on a server. A client emits `watch` with a poll's key, gets the tally (or a problem) in the
 * acknowledgement, and from then on hears `tally`.
 * @param deps.publicUrl this service's public origin, if configured: pages from there may connect too.
 */
export function openGateway(
  server: HttpServer,
  deps: {
    feed: TallyFeed;
    metrics: Pick<ResultMetrics, 'sockets' | 'freshness'>;
    publicUrl: string | undefined;
  },
): Gateway {
  const { feed } = deps;
  const io = new Server(server, {
    serveClient: false,
    maxHttpBufferSize: 4_096,
    perMessageDeflate: false,
    httpCompression: false,
    wsEngine: LimitedWebSockets,
    connectTimeout: 10_000,
    // A peer that vanished is noticed within 20 s.
    pingInterval: 10_000,
    pingTimeout: 10_000,
    // CORS does not hold for WebSocket: without this any site could open one from a visitor's browser, into a network
    // that only the visitor reaches.
    allowRequest: (req, decide) => decide(null, !isCrossSite(req.headers, deps.publicUrl)),
  });

  // Its answers bypass the app, and so would be the only ones without these headers.
  io.engine.use(securityHeaders({ publicUrl: deps.publicUrl, forms: false }));
  io.engine.on('connection', (connection: Connection) => {
    deps.metrics.sockets.inc();
    connection.once('close', () => deps.metrics.sockets.dec());
    guardConnection(connection);
  });

  io.on('connection', (socket) => {
    socket.on('watch', (...args: unknown[]) => {
      const answer = args.at(-1);
      const reply = watch(socket, args[0]);
      if (typeof answer === 'function') answer(reply);
    });
  });

  function watch(socket: Socket, poll: unknown): Tally | Problem {
    if (typeof poll !== 'string') {
      return problem(
        'malformed',
        'Emit "watch" with the key of a poll, a string, and a function for the answer.',
      );
    }
    if (!feed.polls()) return unavailable(NO_TALLY_YET);
    const tally = feed.tally(poll);
    if (!tally) return problem('unknown-poll', NO_SUCH_POLL);
    const watched = [...socket.rooms].filter((room) => room.startsWith(ROOM_PREFIX));
    if (watched.length >= MAX_WATCHED && !watched.includes(roomOf(poll))) {
      return problem('too-many-requests', `One connection can watch ${MAX_WATCHED} polls. Open another one.`);
    }
    socket.join(roomOf(poll));
    return tally;
  }

  const emitted = new Map<string, string>();
  let repeat = false;
  const meter = createFreshnessMeter(deps.metrics.freshness);
  const emit = createThrottle(EMIT_GAP_MS, () => {
    noteWhoIsBehind(io);
    for (const { key } of feed.polls() ?? []) {
      const tally = feed.tally(key)!;
      const text = JSON.stringify(tally);
      if (!repeat && emitted.get(key) === text) continue;
      emitted.set(key, text);
      io.to(roomOf(key)).except(BEHIND).emit('tally', tally);
    }
    repeat = false;
    meter.noteEmission();
  });
  feed.onRead((taken, previous) => {
    meter.noteRead(taken, previous);
    emit.request();
  });
  const everySecond = setInterval(() => {
    repeat = true;
    emit.request();
  }, REPEAT_EVERY_MS);

  refuseUpgrades(server, `${io.path()}/`);
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (_req, socket) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
  });

  return {
    io,
    async close() {
      clearInterval(everySecond);
      emit.stop();
      const force = setTimeout(() => {
        for (const socket of upgraded) socket.destroy();
      }, FAREWELL_MS);
      await io.close();
      clearTimeout(force);
    },
  };
}

function roomOf(poll: string): string {
  return `${ROOM_PREFIX}${poll}`;
}

/**
 * Sockets that have not taken the last tallies are left out of the next, instead of piling them up here; a second later
 * the tallies are repeated anyway. Socket.IO's own `volatile` would do it for each packet: of two polls that one socket
 * watches, it would drop the second every time.
 */
function noteWhoIsBehind(io: Server): void {
  for (const socket of io.sockets.sockets.values()) {
    const behind = !socket.conn.transport.writable;
    if (behind === socket.rooms.has(BEHIND)) continue;
    if (behind) socket.join(BEHIND);
    else socket.leave(BEHIND);
  }
}
