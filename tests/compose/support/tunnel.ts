import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';

/** A way to a port that a container does not publish. */
export type Tunnel = {
  /** On 127.0.0.1. */
  readonly port: number;
  close(): void;
};

/**
 * Opens one, for images that have bash. Each connection is a `docker exec`: the container's networks lead to nowhere, and
 * on some machines its address is not reached from outside at all.
 */
export async function openTunnel(container: string, port: number): Promise<Tunnel> {
  // Not `cat` for both: the second one ends with our side of the connection, and the first one with the server's.
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; cat <&3 & exec cat >&3`;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    const relay = spawn('docker', ['exec', '--interactive', container, 'bash', '-c', script], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    socket.pipe(relay.stdin);
    relay.stdout.pipe(socket);
    // Either side may end the other at any moment; the clients of both reconnect.
    relay.stdin.on('error', () => {});
    relay.on('error', () => socket.destroy());
    relay.on('close', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => {
      open.delete(socket);
      relay.kill();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the tunnel has no port');
  return {
    port: address.port,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
