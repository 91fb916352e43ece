import { isLoopback } from '@hbf/service-kit/client-network';
import { isKeyOf, type Key } from '@hbf/service-kit/keyring';
import type { Logger } from '@hbf/service-kit/logger';
import type { Request } from 'express';
import type { VoteMetrics } from '../metrics.ts';

/** The header in which an emulated crowd shows its key: one of CROWD_KEYS, as it stands there. */
export const CROWD_KEY_HEADER = 'Crowd-Key';

/** Why a ballot is not counted by the limits. */
export const PASSES = ['off', 'crowd-key', 'loopback'] as const;
export type Pass = (typeof PASSES)[number];

export type PassConfig = {
  /** False: VOTE_LIMITS is off. */
  on: boolean;
  /** Outside production ballots from this machine pass. */
  loopbackPasses: boolean;
  crowdKeys: readonly Key[];
};

/** @returns who passes the limits, and why; undefined: whoever sent the request does not. */
export function createPasses(
  config: PassConfig,
  { log, metrics }: { log: Pick<Logger, 'warn'>; metrics: VoteMetrics },
): (req: Request) => Pass | undefined {
  let warned = false;
  const showsCrowdKey = (req: Request) => {
    const shown = req.get(CROWD_KEY_HEADER);
    if (shown === undefined) return false;
    if (isKeyOf(config.crowdKeys, shown)) return true;
    metrics.crowdKeysRefused.inc();
    if (!warned) {
      warned = true;
      log.warn(
        config.crowdKeys.length === 0
          ? 'somebody sends a Crowd-Key, but CROWD_KEYS is not set: the limits apply to their ballots'
          : 'somebody sends a Crowd-Key that is none of CROWD_KEYS: the limits apply to their ballots',
      );
    }
    return false;
  };
  return (req) => {
    if (!config.on) return 'off';
    if (showsCrowdKey(req)) return 'crowd-key';
    if (config.loopbackPasses && isFromHere(req)) return 'loopback';
    return undefined;
  };
}

/** Whether a program on this machine sent the request, and not a proxy on it that hands on what others sent. */
function isFromHere(req: Request): boolean {
  const handedOn = req.headers.forwarded !== undefined || req.headers['x-forwarded-for'] !== undefined;
  return !handedOn && isLoopback(req.socket.remoteAddress);
}
