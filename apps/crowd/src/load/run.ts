import { isSettled } from '../growth.ts';
import { requireOpen } from '../plan.ts';
import type { Progress } from '../progress.ts';
import { createRandom } from '../random.ts';
import {
  readPoll,
  readTally,
  readTallyUntil,
  ServiceError,
  type TallyReading,
  type Waiting,
} from '../services.ts';
import type { Times } from '../times.ts';
import { planArrivals } from './arrivals.ts';
import { arrive } from './arrive.ts';
import { startAudit } from './audit.ts';
import { compareTally, type Difference, driftOf } from './difference.ts';
import { type Bounds, createLedger } from './ledger.ts';
import { createMeters, type Sums } from './meter.ts';
import type { CrowdMetrics } from './metrics.ts';
import { createScreens } from './screen.ts';
import { showProgress } from './show-progress.ts';
import { createVisits, type VisitCounts } from './visits.ts';
import { openWatchers } from './watchers.ts';

export type CrowdOptions = {
  poll: string;
  /** Visits a second. */
  rate: number;
  durationMs: number;
  /** The share of visits that are made by somebody who has voted before. */
  revotes: number;
  /** The share of visits by page. */
  pages: number;
  watchers: number;
  /** What all choices are drawn from. */
  seed: string;
  /** How long to wait for the services to answer, and for the tally to be right. */
  waitMs: number;
};

export type CrowdContext = {
  voteUrl: string;
  resultUrl: string;
  crowdKey: string | undefined;
  metrics: CrowdMetrics;
  progress: Progress;
  /** Ends the arrivals; what was begun gets its answer, and the tally is checked all the same. */
  signal: AbortSignal;
};

/** What a crowd saw. */
export type Run = {
  sums: Sums;
  counts: Readonly<VisitCounts>;
  /** Of the visits, from when each was due to its last answer. */
  visits: Times;
  /** By how much this crowd began the visits too late. */
  late: Times;
  /** From the vote to the screen. */
  screen: Times;
  /** How much of one core this crowd used: 1 is all of it. */
  cores: number;
  before: TallyReading;
  after: TallyReading;
  /** Within which the tally must have grown. */
  bounds: Bounds;
  /** At the end, and at worst while it ran. */
  difference: Difference;
  worst: Difference;
  /** Whether the tally is right and says itself that it is whole, and was never wrong. */
  counted: boolean;
};

/**
 * Lets a crowd come and vote, watches the tally meanwhile, and compares it with the crowd's ledger at the end.
 * @throws ServiceError where the services or the poll make it impossible.
 */
export async function runCrowd(options: CrowdOptions, context: CrowdContext): Promise<Run> {
  const { voteUrl, resultUrl, metrics, progress, signal } = context;
  const waiting = (): Waiting => ({
    deadline: performance.now() + options.waitMs,
    // Checked also when it was stopped.
    signal: new AbortController().signal,
    onWait: (what) => progress.update(`waiting: ${what}`),
  });

  const poll = await readPoll(voteUrl, options.poll, { ...waiting(), signal });
  requireOpen(poll);
  // What somebody else cast a moment ago may not be known of yet: it must be settled later than at the first look.
  const { asOf } = await readTally(resultUrl, poll.key, { ...waiting(), signal });
  const isSettledSince = (tally: TallyReading) => isSettled(tally) && tally.asOf !== asOf;
  const before = await readTallyUntil(resultUrl, poll.key, isSettledSince, { ...waiting(), signal });
  if (!isSettledSince(before)) {
    throw new ServiceError(
      `The tally did not come to rest: it is ${before.status} with ${before.queued} queued`,
    );
  }

  const keys = poll.options.map(({ key }) => key);
  const ledger = createLedger(keys);
  const meters = createMeters(metrics);
  const screens = createScreens(metrics);
  const visits = createVisits({ ...context, poll, ledger, meters, screens });
  const closeWatchers = openWatchers(options.watchers, {
    ...{ resultUrl, poll: poll.key, turnoutBefore: before.turnout },
    ...{ screens, metrics },
  });

  const audit = startAudit({ resultUrl, poll: poll.key, before, ledger, metrics });
  const ended = new AbortController();
  const showing = showProgress(options.durationMs, { meters, visits, audit, progress }, ended.signal);
  const [started, used] = [performance.now(), process.cpuUsage()];
  const arrivals = planArrivals({ ...options, options: keys }, createRandom(options.seed));
  const late = await arrive(arrivals, visits.begin, signal);
  await visits.over();
  const { user, system } = process.cpuUsage(used);
  const cores = (user + system) / 1_000 / (performance.now() - started);
  ended.abort();
  await showing;
  await audit.stop();

  ledger.settle();
  const compare = (tally: TallyReading) => compareTally(ledger.bounds(), before, tally);
  // A tally with too much cannot become right by waiting; one that lacks something can.
  const isWhole = (tally: TallyReading) => isSettled(tally) && compare(tally).missing === 0;
  // Also where result does not answer any more: whoever tries again would have two crowds of watchers.
  const after = await readTallyUntil(resultUrl, poll.key, isWhole, waiting()).finally(closeWatchers);
  metrics.drift.set(driftOf(compare(after)));
  return {
    ...{ before, after, late, cores },
    sums: { vote: meters.vote.sum(), result: meters.result.sum() },
    counts: visits.counts,
    visits: visits.times,
    screen: screens.times,
    bounds: ledger.bounds(),
    difference: compare(after),
    worst: audit.worst,
    counted:
      isWhole(after) && compare(after).more === 0 && audit.worst.missing === 0 && audit.worst.more === 0,
  };
}
