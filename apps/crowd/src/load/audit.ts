import { DELAYED_AFTER_MS, STALE_AFTER_MS } from '@hbf/contracts/tally';
import { pause } from '../pause.ts';
import { readTally, type TallyReading } from '../services.ts';
import { compareTally, type Difference, driftOf } from './difference.ts';
import type { Ledger } from './ledger.ts';
import type { CrowdMetrics } from './metrics.ts';

const LOOK_EVERY_MS = 1_000;
/** Accepted for so long, a ballot must be in a tally that calls itself live: as old as that may be, and the way here. */
const SETTLED_AFTER_MS = DELAYED_AFTER_MS + STALE_AFTER_MS + 1_000;

export type Audit = {
  readonly now: Readonly<Difference>;
  /** At the moment when most was missing; if nothing ever was, when most was too much. */
  readonly worst: Readonly<Difference>;
  stop(): Promise<void>;
};

/** Compares the ledger with the tally every second, for as long as it runs. */
export function startAudit(deps: {
  resultUrl: string;
  poll: string;
  before: TallyReading;
  ledger: Ledger;
  metrics: CrowdMetrics;
}): Audit {
  let worst: Difference = { missing: 0, more: 0 };
  let now = worst;
  const stopping = new AbortController();
  const look = async () => {
    // Those alone that were settled before the question: the answer may be as old as that.
    deps.ledger.settle(performance.now() - SETTLED_AFTER_MS);
    const once = { deadline: performance.now(), signal: stopping.signal, onWait() {} };
    const tally = await readTally(deps.resultUrl, deps.poll, once);
    now = compareTally(deps.ledger.bounds(), deps.before, tally, tally.status !== 'live');
    if (now.missing > worst.missing || (worst.missing === 0 && now.more > worst.more)) worst = now;
    deps.metrics.drift.set(driftOf(now));
  };
  const running = (async () => {
    // Where result does not answer there is nothing to compare; that it does not is seen elsewhere.
    while (await pause(LOOK_EVERY_MS, stopping.signal)) await look().catch(() => {});
  })();
  return {
    get worst() {
      return worst;
    },
    get now() {
      return now;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
