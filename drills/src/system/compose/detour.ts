import { networkInterfaces } from 'node:os';
import { freePort } from '@hbf/local-services/free-port';
import { startTcpProxy } from '../tcp-proxy.ts';
import { docker } from './docker.ts';
import type { Project } from './project.ts';

/** The address at which the containers of a project reach programs of this machine, or why there is none. */
export type Detour = { address: string } | { reason: string };

const WITHIN_MS = 5_000;

/**
 * Looks for the way out of the containers and back: what a service says to a store can be disturbed by a proxy of this
 * machine only where that is reached from both sides. A firewall may forbid it, and where Docker runs in a virtual machine
 * its bridge is not here; so it is tried, from a container.
 */
export async function findDetour(project: Project): Promise<Detour> {
  const format = '{{range .IPAM.Config}}{{.Gateway}} {{end}}';
  const gateways = (await docker(['network', 'inspect', 'bridge', `--format=${format}`])).trim().split(/\s+/);
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  const address = gateways.find((gateway) =>
    own.some((one) => one.family === 'IPv4' && one.address === gateway),
  );
  if (address === undefined)
    return {
      reason: "Docker's bridge is not on this machine, so that nothing here can stand between containers",
    };
  // What it leads to does not matter: it is reached once it listens.
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: await freePort() }, address);
  try {
    const script = `require('node:net').connect(${proxy.port}, '${address}')
      .setTimeout(${WITHIN_MS}, () => process.exit(1)).on('connect', () => process.exit(0)).on('error', () => process.exit(1))`;
    const { code } = await project.tryCompose(
      ...['run', '--rm', '--no-deps', '--no-TTY', 'worker', 'node', '-e', script],
    );
    if (code === 0) return { address };
    return { reason: `containers cannot reach this machine at ${address}: does a firewall forbid it?` };
  } finally {
    await proxy.close();
  }
}
