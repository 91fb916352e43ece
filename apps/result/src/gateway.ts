import type { Server as HttpServer, RequestListener } from 'node:http';
import type { Problem } from '@hbf/contracts/problems';
import type { Tally } from '@hbf/contracts/tally';
import { Server, type Socket } from 'socket.io';
import { createFreshnessMeter } from './freshness-meter.ts';
import type { Connection } from './guard-connection.ts';
import type { ResultMetrics } from './metrics.ts';
import { NO_SUCH_POLL, NO_TALLY_YET, problem, unavailable } from './problem.ts';
import { createSocketServer } from './socket-server.ts';
import type { TallyFeed } from './tally-feed.ts';
import { createThrottle } from './throttle.ts';

/** The shortest time between two emissions of a poll's tally (ms): at most 20 a second. */
const EMIT_GAP_MS = 50;
/** Every tally is emitted this often (ms) even if nothing changed: it is the page's sign of life. */
const REPEAT_EVERY_MS = 1_000;
/** How many polls one socket may watch. */
const MAX_WATCHED = 20;

const ROOM_PREFIX = 'poll:';
/** The sockets that still have not taken what they were sent. */
const BEHIND = 'behind';

/** The live side of the service: sockets watch polls, and hear each change of their tallies. */
export type Gateway = {
  /** Serves the sockets and the app; it does not listen yet. */
  server: HttpServer;
  io: Server;
  /** Ends all sockets, also those whose clients do not answer any more. */
  close(): Promise<void>;
};

/**
 * Serves Socket.IO beside an app. A client emits `watch` with a poll's key, gets the tally (or a problem) in the
 * acknowledgement, and from then on hears `tally`.
 */
export function openGateway(
  app: RequestListener,
  deps: { feed: TallyFeed; metrics: ResultMetrics } & Pick<
    Parameters<typeof createSocketServer>[1],
    'config' | 'log'
  >,
): Gateway {
  const { feed } = deps;
  /** The connections over which a client has joined Socket.IO's namespace. */
  const joined = new WeakSet<Connection>();
  const sockets = createSocketServer(app, { ...deps, hasJoined: (connection) => joined.has(connection) });
  const io = new Server({ serveClient: false, connectTimeout: 10_000 });
  io.bind(sockets.engine);

  io.on('connection', (socket) => {
    joined.add(socket.conn);
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

  return {
    server: sockets.server,
    io,
    async close() {
      clearInterval(everySecond);
      emit.stop();
      await io.close();
      await sockets.closeUpgraded();
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
