import { isPrivate } from '@hbf/service-kit/client-network';
import type { Logger } from '@hbf/service-kit/logger';
import type { Request } from 'express';

/** Tells the operator, once each, where many voters may share one limit for want of a setting. */
export type NetworkWarnings = {
  /** @param name what stands for a network that a ballot came from; one is kept. */
  see(name: string): void;
  /** A network's limit was used up by this request. */
  usedUp(req: Request): void;
};

export function createNetworkWarnings(log: Pick<Logger, 'warn'>): NetworkWarnings {
  let first: string | undefined;
  let several = false;
  const warned = new Set<string>();
  const warnOnce = (text: string) => {
    if (!warned.has(text)) log.warn(text);
    warned.add(text);
  };
  return {
    see(name) {
      first ??= name;
      several ||= name !== first;
    },
    usedUp(req) {
      if (req.headers['x-forwarded-for'] && req.ip === req.socket.remoteAddress) warnOnce(PROXY);
      else if (!several && isPrivate(req.ip)) warnOnce(BRIDGE);
    },
  };
}

const PROXY =
  'ballots that name another sender (X-Forwarded-For) have used up the limit of one address: if they come through a proxy of yours, set TRUST_PROXY, else all its voters share one limit';
const BRIDGE =
  'All ballots so far came from one private address, and have used up its limit: if several people voted, something in front (Docker Desktop, rootless Docker, a proxy) hides their addresses, and all voters share one limit; see "Limits" in docs/configuration.md';
