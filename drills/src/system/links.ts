import type { Ability, Link, LinkName } from './system.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** One link that passes through this process: as many proxies as there are ends to reach. */
export type ProxiedLink = Link & {
  /**
   * Gives the port that leads through this link to a port of this machine.
   * @param at the address of this machine where it is; unset: loopback.
   */
  through(port: number, at?: string): Promise<number>;
  close(): Promise<void>;
};

function createLink(): ProxiedLink {
  const proxies: TcpProxy[] = [];
  /** Since it was last mended. */
  let faults: ((proxy: TcpProxy) => void)[] = [];
  const apply = (fault: (proxy: TcpProxy) => void) => {
    faults.push(fault);
    for (const proxy of proxies) fault(proxy);
  };
  return {
    delay: (ms) => apply((proxy) => proxy.delay(ms)),
    cut: () => apply((proxy) => proxy.cut()),
    hold: () => apply((proxy) => proxy.hold()),
    forget() {
      for (const proxy of proxies) proxy.forget();
    },
    mend() {
      faults = [];
      for (const proxy of proxies) proxy.mend();
    },
    async through(port, at) {
      const proxy = await startTcpProxy({ host: '127.0.0.1', port }, at);
      proxies.push(proxy);
      for (const fault of faults) fault(proxy);
      return proxy.port;
    },
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}

export type Links = Record<LinkName, ProxiedLink>;

/** Whether an ability is that of links, or of one of them. */
export const isOfLinks = (ability: Ability) => ability === 'links' || ability.startsWith('link-');

export function createLinks(): Links {
  return {
    'vote-redis': createLink(),
    'worker-redis': createLink(),
    'worker-postgres': createLink(),
    'result-postgres': createLink(),
    'page-result': createLink(),
    'voter-vote': createLink(),
  };
}
