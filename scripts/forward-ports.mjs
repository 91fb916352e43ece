/**
 * `node scripts/forward-ports.mjs [--while=URL] PORT=[HOST:PORT,]HOST:PORT …`: listens on each first port and hands connections
 * on to the last host; or to the one before it, as long as URL, a page of that one, answers with 200. compose.yaml publishes
 * ports by this where the containers behind cannot: two replicas cannot have the same port, of a range Docker gives each
 * time another one, and stores' networks publish nothing.
 *
 * Environment: METRICS_PORT, where /metrics and /healthz are (unset: nowhere), and METRICS_HOST (127.0.0.1).
 */

import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer as createHttpServer, get } from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Counter, Registry } from 'prom-client';

// Two misses in a row, so at most 1.5 s for whoever is led into a frozen process. One may be a busy moment of the machine.
const LOOK_AGAIN_MS = 500;
const ANSWERS_WITHIN_MS = 500;
const MISSES = 2;
const CONNECTED_WITHIN_MS = 500;

const RULE = /^(\d+)=(?:([^:,]+):(\d+),)?([^:,]+):(\d+)$/;
const WHILE = '--while=';

/** Look-ups that are under way, by host: each keeps one of the process's four threads until it is over. */
const pending = new Map();

/** @returns the address of a host; undefined where there is none, or none is found soon. */
async function addressOf(host) {
  if (!pending.has(host)) {
    const address = lookup(host).then(
      (found) => found.address,
      () => undefined,
    );
    pending.set(host, address);
    address.finally(() => pending.delete(host));
  }
  return Promise.race([pending.get(host), pause(ANSWERS_WITHIN_MS)]);
}

/** @returns whether a page at an address answers with 200, soon. */
async function answers(url, address) {
  const { port, pathname } = url;
  try {
    const signal = AbortSignal.timeout(ANSWERS_WITHIN_MS);
    const request = get({ host: address, port, path: pathname, agent: false, signal }).on('error', () => {});
    const [response] = await once(request, 'response');
    response.on('error', () => {}).resume();
    return response.statusCode === 200;
  } catch {
    return false;
  }
}

/**
 * Keeps the address of a host that need not be there, undefined while it does not answer. To connect is no answer: the kernel
 * does that for a process that is frozen. Nor is the address asked for at each connection, which would cost each a second or
 * more on a machine without a network: Docker asks other name servers for names that no container has.
 */
function watch(url) {
  /** `led`: ends each of the connections that were led there. */
  const watched = { address: undefined, led: new Set() };
  void (async () => {
    for (let missed = 0; ; ) {
      const soon = pause(ANSWERS_WITHIN_MS);
      const address = await addressOf(url.hostname);
      if (address !== undefined && (await answers(url, address))) {
        missed = 0;
        watched.address = address;
      } else if (++missed >= MISSES) {
        watched.address = undefined;
        // They would hang until it is thawed. Closed, a page says that a ballot is unconfirmed, and asks anew.
        for (const end of watched.led) end();
      }
      // After the first miss at once, but that may have been one at once too: two of the same moment would be one.
      await (missed === 1 ? soon : pause(LOOK_AGAIN_MS));
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

function refuse(reason) {
  console.error(reason);
  process.exit(2);
}

const args = process.argv.slice(2);
const page = args.find((arg) => arg.startsWith(WHILE))?.slice(WHILE.length);
if (page !== undefined && !/^http:\/\/[^/]+:\d+\//.test(page))
  refuse(`${page} is not of the form http://HOST:PORT/…`);
const first = page && watch(new URL(page));

const registry = new Registry();
const connections = new Counter({
  name: 'forwarded_connections_total',
  help: 'Connections to a port: led to the first host, past it to the last, or to nobody since none could be reached',
  labelNames: ['port', 'way'],
  registers: [registry],
});

for (const rule of args.filter((arg) => !arg.startsWith(WHILE))) {
  const [, from, before, beforePort, host, port] = RULE.exec(rule) ?? [];
  if (!from) refuse(`${rule} is not of the form PORT=[HOST:PORT,]HOST:PORT`);
  if (before && !first) refuse(`${rule} needs ${WHILE}URL, which tells whether ${before} is there`);
  const count = (way) => connections.inc({ port: from, way });
  for (const way of ['first', 'last', 'none']) connections.inc({ port: from, way }, 0);
  createServer({ pauseOnConnect: true }, async (client) => {
    client.on('error', () => client.destroy());
    const led = before && (await open(first.address, beforePort));
    const other = led || (await open(await addressOf(host), port));
    count(led ? 'first' : other ? 'last' : 'none');
    // Nobody is there, or is being started anew: whoever calls sees a closed connection, as without this.
    if (!other) return client.destroy();
    const end = () => {
      first?.led.delete(end);
      client.destroy();
      other.destroy();
    };
    if (led) first.led.add(end);
    client.on('close', end).pipe(other);
    // What it said last may still be on its way to a client that reads slowly.
    const finish = () => client.destroySoon();
    other.on('error', end).on('close', finish).pipe(client);
    if (client.destroyed) end();
  }).listen(Number(from));
}

if (process.env.METRICS_PORT) {
  createHttpServer(async ({ url }, res) => {
    if (url === '/healthz') return res.end('ok\n');
    if (url !== '/metrics') return res.writeHead(404).end();
    res.setHeader('content-type', registry.contentType).end(await registry.metrics());
  }).listen(Number(process.env.METRICS_PORT), process.env.METRICS_HOST ?? '127.0.0.1');
}
process.once('SIGTERM', () => process.exit(0));
