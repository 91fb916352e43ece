import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps at most so many connections on which no request is being answered, and closes the one that has been so for the
 * longest when there is one more. A request whose body has not come whole is not being answered yet: to announce a body
 * and not to send it is as cheap as to say nothing. Each costs memory (8 kB or so, more with a request), and whoever opens
 * them needs none. Unlike a bound on all connections it turns nobody away: a newcomer's request comes long before so many
 * others have come after it.
 */
export function boundIdleConnections(server: Server, most: number): void {
  /** In the order in which they became idle. */
  const idle = new Set<Socket>();
  const owed = new WeakMap<Socket, number>();
  /** Of each connection the last: no other can still be on its way. */
  const newest = new WeakMap<Socket, IncomingMessage>();
  const handedOver = new WeakSet<object>();

  const becomesIdle = (socket: Socket) => {
    if (socket.destroyed || handedOver.has(socket)) return;
    idle.add(socket);
    if (idle.size <= most) return;
    const [longest] = idle;
    if (!longest) return;
    idle.delete(longest);
    longest.destroy();
  };

  server.on('connection', (socket: Socket) => {
    socket.once('close', () => idle.delete(socket));
    becomesIdle(socket);
  });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const { socket } = req;
    owed.set(socket, (owed.get(socket) ?? 0) + 1);
    newest.set(socket, req);
    if (hasBody(req)) {
      becomesIdle(socket);
      req.once('end', () => {
        // It may have been answered long ago, or another one have come behind it.
        if (newest.get(socket) === req && owed.get(socket) !== 0) idle.delete(socket);
      });
    } else {
      idle.delete(socket);
    }
    res.once('close', () => {
      const left = (owed.get(socket) ?? 1) - 1;
      owed.set(socket, left);
      if (left === 0) becomesIdle(socket);
    });
  });
  // A WebSocket may be silent for as long as it likes. Not listened for unless somebody else does: Node would take the
  // listener for one who upgrades.
  const onNewListener = (event: string | symbol) => {
    if (event !== 'upgrade') return;
    server.off('newListener', onNewListener);
    server.on('upgrade', (_req, socket) => {
      handedOver.add(socket);
      idle.delete(socket as Socket);
    });
  };
  server.on('newListener', onNewListener);
}

/** Whether anything comes after a request's headers. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
