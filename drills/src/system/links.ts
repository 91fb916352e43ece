import type { Link, LinkName } from './system.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** One link of a local system: as many proxies as there are ends to reach. */
export type LocalLink = Link & {
  /** Gives the port that leads through this link to a port of this machine. */
  through(port: number): Promise<number>;
  close(): Promise<void>;
};

function createLink(): LocalLink {
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
    mend() {
      faults = [];
      for (const proxy of proxies) proxy.mend();
    },
    async through(port) {
      const proxy = await startTcpProxy({ host: '127.0.0.1', port });
      proxies.push(proxy);
      for (const fault of faults) fault(proxy);
      return proxy.port;
    },
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}

export type Links = Record<LinkName, LocalLink>;

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
