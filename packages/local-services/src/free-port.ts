import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Ports below the range that the kernel hands out to outgoing connections (from 32768 on Linux, 49152 on
 * macOS). From inside that range, a client that keeps reconnecting to a killed server's port could be given
 * that very port for its own end, and the server could not come back on it.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/**
 * Says whether `port` can be listened on at `host` now; `*` means every address of this machine. A port
 * that cannot be had for another reason (a privileged one) counts as free: who wants it will be told why.
 */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    probe.listen({ port, exclusive: true, ...(host === '*' ? {} : { host }) }, () =>
      probe.close(() => resolve(true)),
    );
  });
}

/** Finds a port that nothing listens on at 127.0.0.1. Another process may still take it first. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port was found between ${LOWEST} and ${HIGHEST}`);
}
