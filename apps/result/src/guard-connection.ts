import type { Server } from 'socket.io';

/** A connection of Socket.IO's engine, under all namespaces and either transport. */
export type Connection = Parameters<Parameters<Server['engine']['on']>[1]>[0];

/** What one connection may send in a second, everything counted (a page of ours sends one `watch`, then pongs). */
const MAX_PACKETS_PER_SECOND = 40;
/** A connection that takes nothing for this long (ms) is closed: what it is owed piles up here. */
const STALLED_AFTER_MS = 10_000;

/**
 * Closes a connection that floods, or that does not read what it is sent. Acknowledgements, unlike tallies, are kept
 * until they can be sent, so a client that asks and never reads would fill the memory.
 */
export function guardConnection(connection: Connection): void {
  let packets = 0;
  let stalledFor = 0;
  connection.on('packet', () => {
    packets += 1;
    // Without discarding, it would first wait for all that it is owed to be sent.
    if (packets > MAX_PACKETS_PER_SECOND) connection.close(true);
  });
  const everySecond = setInterval(() => {
    packets = 0;
    stalledFor = connection.transport.writable ? 0 : stalledFor + 1_000;
    if (stalledFor >= STALLED_AFTER_MS) connection.close(true);
  }, 1_000);
  connection.once('close', () => clearInterval(everySecond));
}
