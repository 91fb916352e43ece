import type { Problem } from './problems.ts';
import { SILENT_AFTER_MS, type Tally } from './tally.ts';

/** How a Socket.IO client is to connect: replicas share no sessions, so long polling would need to find the same one. */
export const SOCKET_OPTIONS = {
  transports: ['websocket'],
  reconnectionDelay: 500,
  reconnectionDelayMax: 3_000,
};

/** After this long (ms) without an answer to `watch`, or with a problem as the answer, it is sent again. */
const ASK_AGAIN_MS = 2_000;

/** How often the clock is looked at (ms): often enough that a page has said so within 6 s, also on a busy machine. */
const LOOK_EVERY_MS = 500;

/**
 * The server tells a tally every second. A connection over which nothing came for as long as this and a share of the
 * spread (ms) is taken for dead, whether or not the network has said so: Socket.IO itself would need up to 20 s to
 * notice. It is longer than the silence after which a page says so, for whoever looks at it must have seen that. The
 * share is drawn by lot, so that not all pages dial at once when a server that merely stood still goes on.
 */
const DEAD_AFTER_MS = SILENT_AFTER_MS + 1_000;
const DEAD_AFTER_SPREAD_MS = 2_000;

/** What is needed of the socket of a Socket.IO client. */
export type TallySocket = {
  readonly id?: string | undefined;
  readonly connected: boolean;
  connect(): unknown;
  disconnect(): unknown;
  on(event: 'connect', listener: () => void): unknown;
  on(event: 'disconnect', listener: (reason: string) => void): unknown;
  on(event: 'tally', listener: (tally: Tally) => void): unknown;
  timeout(ms: number): {
    emit(
      event: 'watch',
      poll: string,
      answer: (error: Error | null, reply?: Tally | Problem) => void,
    ): unknown;
  };
};

/**
 * Watches a poll's tally over a socket, as a page does, for as long as it is open: asks until there is a tally, asks
 * again on every new connection, and comes back where the server hung up or the connection died without a word.
 * @param told.hears each tally that can be shown as what is true now.
 * @param told.hearsNothing about twice a second while nothing was heard for more than 5 s, with that time (ms).
 * @returns what ends it and closes the socket.
 */
export function watchTally(
  socket: TallySocket,
  poll: string,
  told: { hears(tally: Tally): void; hearsNothing(forMs: number): void },
): () => void {
  // A page that watches is news itself: it was rendered when it was sent.
  let heardAt = performance.now();
  let lastQuestion: symbol | undefined;
  let isAsking = false;
  let isClosed = false;
  const silence = () => performance.now() - heardAt;
  // When the connection last showed that somebody is there, and after how long (ms) without that it is given up.
  let aliveAt = 0;
  let patience = 0;

  const later = (then: () => void) => {
    setTimeout(() => {
      if (!isClosed) then();
    }, ASK_AGAIN_MS);
  };
  const hear = (tally: Tally) => {
    heardAt = performance.now();
    aliveAt = heardAt;
    told.hears(tally);
  };
  const ask = () => {
    const { id } = socket;
    const question = Symbol('watch');
    lastQuestion = question;
    isAsking = true;
    socket.timeout(ASK_AGAIN_MS).emit('watch', poll, (error, reply) => {
      if (isClosed || lastQuestion !== question) return;
      isAsking = false;
      if (!error) aliveAt = performance.now();
      if (!error && reply && 'options' in reply) return hear(reply);
      later(() => {
        // Another connection asks for itself.
        if (socket.connected && socket.id === id && lastQuestion === question) ask();
      });
    });
  };

  socket.on('connect', () => {
    aliveAt = performance.now();
    patience =
      DEAD_AFTER_MS + (crypto.getRandomValues(new Uint16Array(1))[0]! / 65_536) * DEAD_AFTER_SPREAD_MS;
    ask();
  });
  socket.on('disconnect', (reason) => {
    // The one case in which the client does not come back by itself.
    if (reason === 'io server disconnect') later(() => socket.connect());
  });
  socket.on('tally', (tally) => {
    if (isClosed || tally.poll !== poll) return;
    if (silence() <= SILENT_AFTER_MS) return hear(tally);
    // What comes after silence may have been held up on its way, and be as old as the silence. An answer cannot be.
    if (!isAsking) ask();
  });
  const looking = setInterval(() => {
    if (silence() > SILENT_AFTER_MS) told.hearsNothing(silence());
    if (socket.connected && performance.now() - aliveAt > patience) {
      socket.disconnect();
      socket.connect();
    }
  }, LOOK_EVERY_MS);

  return () => {
    isClosed = true;
    clearInterval(looking);
    socket.disconnect();
  };
}
