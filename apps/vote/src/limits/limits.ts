import { clientNetwork } from '@hbf/service-kit/client-network';
import { createKeyring, type Key } from '@hbf/service-kit/keyring';
import type { Logger } from '@hbf/service-kit/logger';
import type { Request } from 'express';
import type { VoteMetrics } from '../metrics.ts';
import type { Refusal } from '../refusal.ts';
import type { Said } from '../words/words.ts';
import {
  type Allowance,
  budgetsInMemory,
  budgetsInRedis,
  charge,
  type Exhausted,
  type Payers,
  takeBack,
} from './budgets.ts';
import { createNetworkWarnings } from './network-warnings.ts';
import { createPasses, type PassConfig } from './pass.ts';
import { connectSharedStore } from './shared-store.ts';

export type LimitsConfig = PassConfig & {
  allow: Allowance;
  /** Where all copies of this service count together; undefined: each counts in its own memory. */
  storeUrl: string | undefined;
};

/** Who sends a ballot, as far as the limits ask. */
export type Voting = {
  /** Undefined where nobody can be the same voter again. */
  voter: Buffer | undefined;
  /** Whether a receipt of ours shows that a ballot of this voter was accepted before. */
  votedBefore: boolean;
};

/** A ballot that was counted. */
export type Charge = {
  /**
   * Counts it no longer: for a ballot that the stream did not take. While it cannot, all voters send theirs again and
   * again; when it can, they must not stand before empty budgets.
   */
  takeBack(): void;
};

const FREE: Charge = { takeBack() {} };

export type Limits = {
  /**
   * Counts a ballot that would otherwise be accepted.
   * @returns why it is refused, if too many came; else the charge, and the ballot may go on.
   */
  charge(req: Request, voting: Voting): Promise<Refusal | Charge>;
  close(): void;
};

/** Limits how many ballots may come from one voter and from one network; docs/security.md explains them. */
export function createLimits(
  config: LimitsConfig & { voterKeys: readonly Key[] },
  { log, metrics }: { log: Pick<Logger, 'warn' | 'info'>; metrics: VoteMetrics },
): Limits {
  const passOf = createPasses(config, { log, metrics });
  // No address and no voter is kept: what stands for them is worth nothing without VOTER_KEYS.
  const { sign } = createKeyring(config.voterKeys, 'limits');
  const inMemory = budgetsInMemory(config.allow);
  const store =
    config.on && config.storeUrl
      ? connectSharedStore({
          url: config.storeUrl,
          log,
          onChange: (away) => metrics.limitsStoreAway.set(away ? 1 : 0),
        })
      : undefined;
  const inStore = store && budgetsInRedis(config.allow, store.client);
  metrics.limitsEnabled.set(config.on ? 1 : 0);
  announce(config, log);

  const warnings = createNetworkWarnings(log);

  const chargeSomewhere = async (payers: Payers) => {
    const counted = inStore && (await store.count(() => charge(inStore, payers)));
    if (counted) {
      return {
        exhausted: counted.result,
        // Not waited for: the voter is to be answered.
        takeBack: () => void store.count(() => takeBack(inStore, payers)),
      };
    }
    return { exhausted: await charge(inMemory, payers), takeBack: () => void takeBack(inMemory, payers) };
  };

  return {
    async charge(req, { voter, votedBefore }) {
      const pass = passOf(req);
      if (pass) {
        metrics.unlimited.inc({ by: pass });
        return FREE;
      }
      const address = sign(`address\0${clientNetwork(req.ip)}`);
      warnings.see(address);
      const { exhausted, takeBack } = await chargeSomewhere({
        voter: voter && sign(`voter\0${voter.toString('hex')}`),
        // Whoever has voted pays alone: any budget that they shared, a bot could use up with identities that have
        // voted, and keep the others from changing their minds.
        address: voter && votedBefore ? undefined : address,
      });
      if (!exhausted) return { takeBack };
      metrics.overLimit.inc({ limit: exhausted.budget });
      if (!isOfVoter(exhausted)) warnings.usedUp(req);
      return { problem: 'too-many-requests', detail: describe(exhausted), retryAfter: exhausted.seconds };
    },
    close: () => store?.close(),
  };
}

/** Says at start who is not limited: that must never be so without anybody knowing. */
function announce(config: LimitsConfig, log: Pick<Logger, 'warn' | 'info'>): void {
  if (!config.on) {
    log.warn('VOTE_LIMITS is off: anybody may send as many ballots as they like');
    return;
  }
  const { crowdKeys, loopbackPasses } = config;
  if (crowdKeys.length > 0) {
    const kids = crowdKeys.map(({ kid }) => kid).join(', ');
    log.info(`CROWD_KEYS is set (${kids}): whoever sends one of them as Crowd-Key votes without limits`);
  }
  if (loopbackPasses) log.info('not production: ballots that come from this machine itself are not limited');
}

function isOfVoter({ budget }: Exhausted): boolean {
  return budget === 'voter-minute' || budget === 'voter-hour';
}

function describe(exhausted: Exhausted): Said {
  const { seconds, budget } = exhausted;
  return isOfVoter(exhausted)
    ? ({ refusals }) => refusals.voterTooFast(seconds, budget === 'voter-hour')
    : ({ refusals }) => refusals.networkTooFast(seconds);
}
