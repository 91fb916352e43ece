import type { Server } from 'socket.io';

/** A connection of Socket.IO's engine, under all namespaces and either transport. */
export type Connection = Parameters<Parameters<Server['engine']['on']>[1]>[0];

/** What one connection may send in a second, everything counted (a page of ours sends one `watch`, then pongs). */
const MAX_PACKETS_PER_SECOND = 40;
/** A connection that takes nothing for this long (ms) is closed: what it is owed piles up here. */
const STALLED_AFTER_MS = 10_000;
/** Who has not joined Socket.IO's namespace this long after its handshake (s) is not going to: a page needs one packet. */
const JOIN_WITHIN_S = 5;

/**
 * Closes a connection that floods, that never joins, or that does not read what it is sent. Acknowledgements, unlike tallies, are kept
 * until they can be sent, so a client that asks and never reads would fill the memory.
 */
export function guardConnection(
  connection: Connection,
  hasJoined: (connection: Connection) => boolean,
): void {
  let seconds = 0;
  let packets = 0;
  let stalledFor = 0;
  connection.on('packet', () => {
    packets += 1;
    // Without discarding, it would first wait for all that it is owed to be sent.
    if (packets > MAX_PACKETS_PER_SECOND) connection.close(true);
  });
  const everySecond = setInterval(() => {
    packets = 0;
    seconds += 1;
    // Before Socket.IO closes it in due form, for which a session by polling would wait half a minute more.
    if (seconds >= JOIN_WITHIN_S && !hasJoined(connection)) connection.close(true);
    stalledFor = connection.transport.writable ? 0 : stalledFor + 1_000;
    if (stalledFor >= STALLED_AFTER_MS) connection.close(true);
  }, 1_000);
  connection.once('close', () => clearInterval(everySecond));
}
