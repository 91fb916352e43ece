import type { IncomingMessage } from 'node:http';
import { isPrivate } from '@hbf/service-kit/client-network';
import type { Logger } from '@hbf/service-kit/logger';

/** Tells the operator, once each, where many watchers may share one network's places for want of a setting. */
export type NetworkWarnings = {
  /**
   * A handshake was refused, since its network has all places that it may have.
   * @param isOnly whether nobody else has any.
   */
  usedUp(req: IncomingMessage, address: string | undefined, isOnly: boolean): void;
};

export function createNetworkWarnings(log: Pick<Logger, 'warn'>): NetworkWarnings {
  const warned = new Set<string>();
  const warnOnce = (text: string) => {
    if (!warned.has(text)) log.warn(text);
    warned.add(text);
  };
  return {
    usedUp(req, address, isOnly) {
      if (req.headers['x-forwarded-for'] && address === req.socket.remoteAddress) warnOnce(PROXY);
      else if (isOnly && isPrivate(address)) warnOnce(BRIDGE);
    },
  };
}

const PROXY =
  'sockets that name another client (X-Forwarded-For) have taken all places of one address: if they come through a proxy of yours, set TRUST_PROXY, else all its watchers share them';
const BRIDGE =
  'All sockets that are open come from one private address, and have taken all its places: if several people watch, something in front (Docker Desktop, rootless Docker, a proxy) hides their addresses, and they share these places; see "Sockets" in docs/configuration.md';
