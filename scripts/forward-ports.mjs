/**
 * `node scripts/forward-ports.mjs PORT=[HOST:PORT,]HOST:PORT …`: listens on each first port and hands connections on to the
 * last host; or to the one before it, while that is there. compose.yaml publishes ports by this where the containers
 * behind cannot: two replicas cannot have the same port, of a range Docker gives each time another one, and stores'
 * networks publish nothing.
 */

import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_AGAIN_MS = 1_000;
const CONNECTED_WITHIN_MS = 500;

const addressOf = (host) =>
  lookup(host).then(
    ({ address }) => address,
    () => undefined,
  );

/**
 * Keeps the address of a container that need not be there. Asked for at each connection, it would cost each a second or
 * more on a machine without a network: Docker asks other name servers for names that no container has.
 */
function watchFor(host) {
  const watched = { address: undefined };
  void (async () => {
    for (;;) {
      watched.address = await addressOf(host);
      await pause(LOOK_AGAIN_MS);
    }
  })();
  return watched;
}

/** @returns an open connection, undefined if there is none to be had. */
async function open(host, port) {
  if (host === undefined) return undefined;
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECTED_WITHIN_MS) });
    return socket;
  } catch {
    socket.on('error', () => {}).destroy();
    return undefined;
  }
}

for (const rule of process.argv.slice(2)) {
  const [, from, before, beforePort, host, port] =
    /^(\d+)=(?:([^:,]+):(\d+),)?([^:,]+):(\d+)$/.exec(rule) ?? [];
  if (!from) {
    console.error(`${rule} is not of the form PORT=[HOST:PORT,]HOST:PORT`);
    process.exit(2);
  }
  const first = before && watchFor(before);
  createServer({ pauseOnConnect: true }, async (client) => {
    client.on('error', () => client.destroy());
    const other = (await open(first?.address, beforePort)) ?? (await open(await addressOf(host), port));
    // Nobody is there, or is being started anew: whoever calls sees a closed connection, as without this.
    if (!other) return client.destroy();
    const end = () => {
      client.destroy();
      other.destroy();
    };
    client.on('close', end).pipe(other);
    other.on('error', end).on('close', end).pipe(client);
    if (client.destroyed) end();
  }).listen(Number(from));
}
process.once('SIGTERM', () => process.exit(0));
