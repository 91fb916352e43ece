import { DELAYED_AFTER_MS, STALE_AFTER_MS } from '@hbf/contracts/tally';
import { isSettled } from '../growth.ts';
import { describeLatency } from '../latency.ts';
import { pause } from '../pause.ts';
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
import { planArrivals } from './arrivals.ts';
import { createLedger, driftOf, type Ledger } from './ledger.ts';
import { createMeter, type Sum } from './meter.ts';
import type { CrowdMetrics } from './metrics.ts';
import { createScreens } from './screen.ts';
import { createVisits, type Visits } from './visits.ts';
import { openWatchers } from './watchers.ts';

export type LoadOptions = {
  poll: string;
  /** Visits a second. */
  rate: number;
  durationMs: number;
  /** The share of visits that are made by somebody who has voted before. */
  revotes: number;
  watchers: number;
  /** What all choices are drawn from. */
  seed: string;
  waitMs: number;
};

export type LoadContext = {
  voteUrl: string;
  resultUrl: string;
  crowdKey: string | undefined;
  metrics: CrowdMetrics;
  progress: Progress;
  /** Ends the arrivals; what was begun gets its answer, and the tally is checked all the same. */
  signal: AbortSignal;
};

const LOOK_EVERY_MS = 1_000;
/** Accepted for so long, a ballot must be in a tally that calls itself live: as old as that may be, and the way here. */
const SETTLED_AFTER_MS = DELAYED_AFTER_MS + STALE_AFTER_MS + 1_000;

/**
 * Lets a crowd come and vote, watches the tally meanwhile, and checks it at the end.
 * @returns whether the SLA held for the crowd's requests and the tally was right, during and after; what was not, it has
 * printed. @throws ServiceError where the services or the poll make it impossible.
 */
export async function load(options: LoadOptions, context: LoadContext): Promise<boolean> {
  const { voteUrl, resultUrl, metrics, progress, signal } = context;
  const waiting = (): Waiting => ({
    deadline: performance.now() + options.waitMs,
    // Checked also when it was stopped.
    signal: new AbortController().signal,
    onWait: (what) => progress.update(`waiting: ${what}`),
  });

  const poll = await readPoll(voteUrl, options.poll, { ...waiting(), signal });
  requireOpen(poll);
  const before = await readTallyUntil(resultUrl, poll.key, isSettled, { ...waiting(), signal });
  if (!isSettled(before)) {
    throw new ServiceError(
      `The tally did not come to rest: it is ${before.status} with ${before.queued} queued`,
    );
  }

  const keys = poll.options.map(({ key }) => key);
  const ledger = createLedger(keys);
  const meter = createMeter(metrics);
  const screens = createScreens(metrics);
  const visits = createVisits({ ...context, poll, ledger, meter, screens });
  const closeWatchers = openWatchers(options.watchers, {
    ...{ resultUrl, poll: poll.key, turnoutBefore: before.turnout },
    ...{ screens, metrics },
  });
  progress.print(
    `${options.rate} visits a second for ${options.durationMs / 1_000} s, ${Math.round(options.revotes * 100)} % of them by ` +
      `voters who come back; ${options.watchers} sockets watch. Seed: ${options.seed}`,
  );

  const audit = startAudit({ resultUrl, poll: poll.key, before, ledger, metrics });
  const ended = new AbortController();
  const showing = show({ options, meter, visits, audit, progress }, ended.signal);
  const lateMs = await arrive(options, keys, visits, signal);
  await visits.over();
  ended.abort();
  await showing;
  await audit.stop();

  ledger.settle();
  const isRight = (tally: TallyReading) => isSettled(tally) && driftOf(ledger.bounds(), before, tally) === 0;
  const after = await readTallyUntil(resultUrl, poll.key, isRight, waiting());
  closeWatchers();
  metrics.drift.set(driftOf(ledger.bounds(), before, after));

  const sum = meter.sum();
  reportRequests(sum, visits, lateMs, progress);
  progress.print(`From the vote to the screen: ${describeLatency(screens.times())}`);
  reportTally(ledger, before, after, progress);
  if (audit.worst !== 0) progress.print(`While it ran, the tally was off by up to ${audit.worst} ballots.`);
  const counted = isRight(after) && audit.worst === 0;
  progress.print(
    counted ? 'The tally is right.' : `The tally is NOT right (${after.status}, ${after.queued} queued).`,
  );
  progress.print(sum.holds ? 'The SLA was held.' : 'The SLA was BROKEN.');
  return sum.holds && counted;
}

/** Begins each visit when it is due. @returns how late the latest was begun: that much of all is this crowd's own. */
async function arrive(
  options: LoadOptions,
  keys: readonly string[],
  visits: Visits,
  signal: AbortSignal,
): Promise<number> {
  const started = performance.now();
  let lateMs = 0;
  for (const arrival of planArrivals({ ...options, options: keys }, createRandom(options.seed))) {
    const dueIn = started + arrival.atMs - performance.now();
    if (dueIn > 1 && !(await pause(dueIn, signal))) break;
    if (signal.aborted) break;
    lateMs = Math.max(lateMs, -dueIn);
    visits.begin(arrival);
  }
  return lateMs;
}

type Audit = { readonly worst: number; readonly now: number; stop(): Promise<void> };

/** Compares the ledger with the tally every second, for as long as it runs. */
function startAudit(deps: {
  resultUrl: string;
  poll: string;
  before: TallyReading;
  ledger: Ledger;
  metrics: CrowdMetrics;
}): Audit {
  const state = { worst: 0, now: 0 };
  const stopping = new AbortController();
  const look = async () => {
    // Those alone that were settled before the question: the answer may be as old as that.
    deps.ledger.settle(performance.now() - SETTLED_AFTER_MS);
    const once = { deadline: performance.now(), signal: stopping.signal, onWait() {} };
    const tally = await readTally(deps.resultUrl, deps.poll, once);
    state.now = driftOf(deps.ledger.bounds(), deps.before, tally, tally.status !== 'live');
    if (Math.abs(state.now) > Math.abs(state.worst)) state.worst = state.now;
    deps.metrics.drift.set(state.now);
  };
  const running = (async () => {
    // Where result does not answer there is nothing to compare; that it does not is seen elsewhere.
    while (await pause(LOOK_EVERY_MS, stopping.signal)) await look().catch(() => {});
  })();
  return {
    get worst() {
      return state.worst;
    },
    get now() {
      return state.now;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function show(
  {
    options,
    meter,
    visits,
    audit,
    progress,
  }: Pick<LoadContext, 'progress'> & {
    options: LoadOptions;
    meter: ReturnType<typeof createMeter>;
    visits: Visits;
    audit: Audit;
  },
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  while (await pause(LOOK_EVERY_MS, signal)) {
    const seconds = (performance.now() - started) / 1_000;
    const { requests, failed, slow } = meter.counts;
    const p99 = meter.recentP99();
    const { accepted, refused, unconfirmed } = visits.counts;
    progress.update(
      `${seconds.toFixed(0)} s: ${Math.round(requests / seconds)} requests a second, p99 ${Math.round(p99)} ms, ${failed} failed, ` +
        `${slow} slow; ${accepted} accepted, ${refused} refused, ${unconfirmed} unconfirmed, ${visits.open} open; ` +
        `tally ${audit.now === 0 ? 'right' : `off by ${audit.now}`}`,
      Math.min(1, (seconds * 1_000) / options.durationMs),
    );
  }
}

const percent = (part: number, of: number) => `${of === 0 ? '–' : ((100 * part) / of).toFixed(2)} %`;

function reportRequests(sum: Sum, visits: Visits, lateMs: number, progress: Progress): void {
  const { accepted, refused, unconfirmed, unsent } = visits.counts;
  const statuses = [...sum.statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status || 'no answer'}: ${count}`)
    .join(', ');
  progress.print(
    `Ballots: ${accepted} accepted, ${refused} refused, ${unconfirmed} unconfirmed, ${unsent} not sent`,
  );
  progress.print(`Requests: ${sum.requests} (${statuses})`);
  progress.print(
    `Answers: p50 ${sum.p50.toFixed(1)} ms, p95 ${sum.p95.toFixed(1)} ms, p99 ${sum.p99.toFixed(1)} ms; ` +
      `over 200 ms: ${percent(sum.slow, sum.requests)}; 5xx or none: ${percent(sum.failed, sum.requests)}`,
  );
  progress.print(`The crowd itself was late by up to ${Math.max(0, lateMs).toFixed(0)} ms.`);
}

function reportTally(ledger: Ledger, before: TallyReading, after: TallyReading, progress: Progress): void {
  const { options, turnout } = ledger.bounds();
  const line = (
    name: string,
    from: number | null,
    to: number | null,
    { least, most }: { least: number; most: number },
  ) =>
    progress.print(
      `  ${name}: grew by ${from === null || to === null ? '(hidden)' : to - from}, ` +
        `expected ${least === most ? least : `${least} to ${most}`}`,
    );
  for (const { key, label, votes } of after.options) {
    const earlier = before.options.find((option) => option.key === key)?.votes ?? null;
    line(`${label} (${key})`, earlier, votes, options.get(key) ?? { least: 0, most: 0 });
  }
  line('turnout', before.turnout, after.turnout, turnout);
}
