import { freePort } from '@hbf/local-services/free-port';
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.ts';
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
  const gateways = await docker(['network', 'inspect', 'bridge', `--format=${format}`]);
  const address = gateways.split(/\s+/).find((gateway) => /^[\d.]+$/.test(gateway));
  if (address === undefined) return { reason: "Docker's bridge has no address here" };
  let proxy: TcpProxy;
  try {
    proxy = await startTcpProxy({ host: '127.0.0.1', port: await freePort() }, address);
    // It leads nowhere, and is not to cut who reaches it: that could come before they know that they have.
    proxy.hold();
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    return {
      reason: `nothing can stand between containers here: Docker's bridge ${address} is not ours (${why})`,
    };
  }
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
