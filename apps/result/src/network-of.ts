import type { IncomingMessage } from 'node:http';
import { clientNetwork, isLoopback } from '@hbf/service-kit/client-network';
import proxyAddr from 'proxy-addr';
import type { Config } from './config.ts';

/** Whose sockets are counted together, and the very address that this is told by. */
export type ClientNetwork = { network: string; address: string };

/**
 * Tells a client's network, as trusted proxies tell it (Express has the same rules for its requests). Outside production a
 * program on this machine is not counted: it tests with thousands.
 */
export function createNetworkOf(
  config: Pick<Config, 'TRUST_PROXY' | 'NODE_ENV'>,
): (req: IncomingMessage) => ClientNetwork | undefined {
  const { TRUST_PROXY } = config;
  const isTrusted =
    typeof TRUST_PROXY === 'number'
      ? (_address: string, hop: number) => hop < TRUST_PROXY
      : proxyAddr.compile(TRUST_PROXY);
  return (req) => {
    const handedOn = req.headers.forwarded !== undefined || req.headers['x-forwarded-for'] !== undefined;
    if (config.NODE_ENV !== 'production' && !handedOn && isLoopback(req.socket.remoteAddress))
      return undefined;
    const address = proxyAddr(req, isTrusted);
    return { network: clientNetwork(address), address };
  };
}
