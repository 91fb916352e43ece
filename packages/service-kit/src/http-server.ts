import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { boundIdleConnections } from './bound-idle-connections.ts';
import { createOwedAnswers } from './owed-answers.ts';

/** Their memory is what the limits of compose.release.yaml leave room for. */
const MAX_IDLE_CONNECTIONS = 1_500;

/** Servers that will stop listening soon. */
const draining = new WeakSet<Server>();
/** What each server still owes. */
const unanswered = new WeakMap<Server, ReadonlySet<ServerResponse>>();

/** Creates a server whose time-outs are set on purpose, so that slow or idle clients cannot hold it. */
export function createHttpServer(listener: RequestListener): Server {
  const owed = createOwedAnswers();
  const server = createServer(
    {
      // Cookies of other programs on the same host name come along, whatever their ports: 8 kB would turn away a
      // browser that has many.
      maxHeaderSize: 16 * 1024,
      // How often the two time-outs below are enforced; the default of 30 s would make them half a minute.
      connectionsCheckingInterval: 1_000,
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      // Longer than a proxy keeps its idle connections (60 s is usual): else it would send a request into one that
      // we are closing, and report a 502.
      keepAliveTimeout: 65_000,
    },
    (req, res) => {
      const isInBounds = owed.add(req, res);
      if (!server.listening || draining.has(server)) res.setHeader('Connection', 'close');
      // Not answered: each refusal would wait behind the answers, as they do.
      if (!isInBounds) return hangUp(req.socket);
      const target = originForm(req.url);
      if (target === undefined) {
        res.writeHead(400, { Connection: 'close' }).end();
        return;
      }
      req.url = target;
      listener(req, res);
    },
  );
  server.maxHeadersCount = 100;
  // Of a client that takes nothing of its answer: the time-outs above are all over by then.
  server.timeout = 30_000;
  boundIdleConnections(server, MAX_IDLE_CONNECTIONS);
  unanswered.set(server, owed.all);
  return server;
}

/**
 * Closes a connection, and forgets what else was read of it: up to 2,000 requests, each of which Node would go on to make
 * an answer for before the connection is closed, and 200 connections at once would fill the memory with them. No public
 * way stops its parser. Where the property is not there, or has another meaning one day, the connection is closed all
 * the same.
 */
function hangUp(socket: Socket & { parser?: { onIncoming?: unknown } | null }): void {
  if (socket.parser?.onIncoming) socket.parser.onIncoming = () => 0;
  socket.destroy();
}

/**
 * The path and query of a request's target. Clients may write a whole address there, as to a proxy. One that is none gets
 * no further: Express would answer it past the service's own routes, headers and log, and Node prints it on standard
 * error, where it could be anything.
 */
function originForm(target = ''): string | undefined {
  if (target.startsWith('/')) return target;
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) return undefined;
  const { pathname, search } = new URL(target);
  return `${pathname}${search}`;
}

/**
 * Listens, and says what is wrong if it cannot.
 * @returns the port: the given one, or the one that the system chose for 0.
 */
export function listen(server: Server, port: number, host?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${port} is taken by another program: stop that one or choose another port`)
          : error,
      );
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

// Longer than a client's next request is on its way.
const LINGER_MS = 1_000;

// A connection that was just accepted may still bring its request.
const FIRST_REQUEST_WITHIN_MS = 300;
const SWEEP_EVERY_MS = 50;
// Shorter than the whole drain's deadline, so that what is closed after the server still gets its turn.
const FINISH_WITHIN_MS = 5_000;

/**
 * Goes on answering for a moment, with `Connection: close`: requests that are already on their way, on connections kept
 * alive, would otherwise be reset. For a server with a public port, before `closeServer`.
 */
export async function drainServer(server: Server): Promise<void> {
  draining.add(server);
  for (const res of unanswered.get(server) ?? []) if (!res.headersSent) res.setHeader('Connection', 'close');
  await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
}

/**
 * Stops accepting, lets requests in flight finish (their answers say `Connection: close`), and resolves when every
 * connection is gone: those without a request after a moment, the others after their answer, or after 5 s.
 */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const pending = unanswered.get(server) ?? new Set();
  const started = performance.now();
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const res of pending) if (!res.headersSent) res.setHeader('Connection', 'close');
  // close() ends the connections that are idle now. Left are those that become idle later, and those that a browser
  // opened ahead and never used: Node does not count these as idle, and no longer enforces its time-outs.
  const sweep = setInterval(() => {
    const waited = performance.now() - started;
    const silent = pending.size === 0 && waited > FIRST_REQUEST_WITHIN_MS;
    if (silent || waited > FINISH_WITHIN_MS) server.closeAllConnections();
    else server.closeIdleConnections();
  }, SWEEP_EVERY_MS);
  await closed;
  clearInterval(sweep);
}
