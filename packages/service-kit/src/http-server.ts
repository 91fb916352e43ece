import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Creates a server whose time-outs are set on purpose, so that slow or idle clients cannot hold it. */
export function createHttpServer(listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: 8 * 1024,
      // How often the two time-outs below are enforced; the default of 30 s would make them half a minute.
      connectionsCheckingInterval: 1_000,
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      // Longer than a proxy keeps its idle connections (60 s is usual): else it would send a request into one that
      // we are closing, and report a 502.
      keepAliveTimeout: 65_000,
    },
    listener,
  );
  server.maxHeadersCount = 100;
  return server;
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

/** Stops accepting, lets requests in flight finish, and resolves when every connection is gone. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // close() ends idle connections once; those that become idle later, after their last response, need this.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    server.once('close', () => clearInterval(sweep));
  });
}
