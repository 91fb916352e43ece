import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * How many answers one connection may be owed. Node reads on while it answers: in the 64 kB that it reads at once are a
 * thousand requests, and they wait in memory, with their answers, for as long as the client takes none.
 */
const MAX_OWED = 64;

/** How many answers may be owed in all beyond the first of each connection: many connections would add up to too much. */
const MAX_OWED_BEHIND_OTHERS = 1_000;

/** The answers that a server owes. */
export type OwedAnswers = {
  readonly all: ReadonlySet<ServerResponse>;
  /** @returns whether the request may be answered. If not, nothing is kept of it, and its connection is to be closed. */
  add(req: IncomingMessage, res: ServerResponse): boolean;
};

export function createOwedAnswers(): OwedAnswers {
  const all = new Set<ServerResponse>();
  const owedTo = new WeakMap<Socket, Set<ServerResponse>>();
  let behindOthers = 0;

  const owedOver = (socket: Socket) => {
    const known = owedTo.get(socket);
    if (known) return known;
    const owed = new Set<ServerResponse>();
    owedTo.set(socket, owed);
    // Node tells the end of a connection only to the answer whose turn it is. The ones behind it would be owed for ever,
    // and never be logged and measured.
    socket.once('close', () => {
      // After the other listeners of this moment, so that the one whose turn it is has heard it from Node.
      process.nextTick(() => {
        for (const res of owed) res.emit('close');
      });
    });
    return owed;
  };

  return {
    all,
    add(req, res) {
      const owed = owedOver(req.socket);
      const isBehindOthers = owed.size > 0;
      // Nothing is kept of a request that is refused: a thousand more may follow it in what was read with it.
      if (owed.size >= MAX_OWED || (isBehindOthers && behindOthers >= MAX_OWED_BEHIND_OTHERS)) return false;
      all.add(res);
      owed.add(res);
      if (isBehindOthers) behindOthers += 1;
      res.once('close', () => {
        all.delete(res);
        owed.delete(res);
        if (isBehindOthers) behindOthers -= 1;
      });
      return true;
    },
  };
}
