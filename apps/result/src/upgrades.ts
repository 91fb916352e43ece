import { type RequestListener, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '@hbf/service-kit/logger';

/** How long a client may take over the answer to its upgrade (ms): Node's own time-outs no longer apply to it. */
const TAKE_ANSWER_WITHIN_MS = 10_000;

/**
 * Handles the requests that ask for an upgrade. Those that are not taken are answered as if they had not asked, as RFC
 * 9110 (7.8) has it: some clients ask with every first request for HTTP/2 (`Upgrade: h2c`; Java's does). No request of
 * this kind costs more than its own connection, whatever fails.
 * @param handlers.answer what answers the request over HTTP/1.1; undefined: its connection is to be upgraded.
 * @param handlers.upgrade takes the connection over. It has a listener for errors already.
 */
export function handleUpgrades(
  server: Server,
  handlers: {
    answer: (req: Parameters<RequestListener>[0]) => RequestListener | undefined;
    upgrade: (req: Parameters<RequestListener>[0], socket: Socket, head: Buffer) => void;
    log: Pick<Logger, 'error'>;
  },
): void {
  server.on('upgrade', (req, duplex, head) => {
    const socket = duplex as Socket;
    // Node has let go of the connection: its next error would be nobody's, and end the service.
    socket.on('error', () => {});
    try {
      const res = new ServerResponse(req);
      // Throws where an earlier answer is still owed over this connection: it came in one packet with this request.
      res.assignSocket(socket);
      const answer = handlers.answer(req);
      if (answer) return answerLast(res, socket, answer);
      res.detachSocket(socket);
      handlers.upgrade(req, socket, head);
    } catch (error) {
      socket.destroy();
      if ((error as NodeJS.ErrnoException).code === 'ERR_HTTP_SOCKET_ASSIGNED') return;
      handlers.log.error({ err: error }, 'a request for an upgrade failed');
    }
  });
}

/** Gives the answer after which the connection is closed, by us: its client may never do so. */
function answerLast(res: ServerResponse, socket: Socket, answer: RequestListener): void {
  const deadline = setTimeout(() => socket.destroy(), TAKE_ANSWER_WITHIN_MS);
  socket.once('close', () => clearTimeout(deadline));
  // What follows the request is of no use any more: the parser is gone. Left unread, it would turn the end of the
  // connection into a reset, which can overtake the answer.
  socket.resume();
  res.shouldKeepAlive = false;
  res.once('finish', () => socket.destroySoon());
  answer(res.req, res);
}
