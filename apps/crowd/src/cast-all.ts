import { setMaxListeners } from 'node:events';
import { mixBallots } from './plan.ts';
import type { Progress } from './progress.ts';
import type { VotersPoll } from './services.ts';
import { createTimes, type Times } from './times.ts';
import { type Casting, castBallot, type Patience } from './voter.ts';

/** What became of all ballots. */
export type CastTotals = {
  planned: number;
  /** For each option. */
  accepted: Map<string, number>;
  /** Tries beyond each voter's first, and the number of voters that made some. */
  retries: number;
  retriedVoters: number;
  /** The ballots that are surely not in, and those that may be, each with the last reason. */
  failures: Map<'not-accepted' | 'unconfirmed', { count: number; reason: string }>;
  /** How long each answered POST took. */
  posts: Times;
  /** From the first voter to the last. */
  ms: number;
};

const TICK_MS = 100;

/**
 * Lets one voter for each ballot of the plan vote, a number of them at the same time, and shows the progress.
 * An answer that no retry can turn (the poll was closed) ends it, as does the signal.
 */
export async function castAll(
  voteUrl: string,
  poll: VotersPoll,
  plan: ReadonlyMap<string, number>,
  options: { concurrency: number; patience: Patience; crowdKey: string | undefined; progress: Progress },
): Promise<CastTotals> {
  const planned = [...plan.values()].reduce((sum, count) => sum + count, 0);
  const totals: CastTotals = {
    planned,
    accepted: new Map([...plan.keys()].map((key) => [key, 0])),
    retries: 0,
    retriedVoters: 0,
    failures: new Map(),
    posts: createTimes(),
    ms: 0,
  };
  const hopeless = new AbortController();
  const patience = {
    forMs: options.patience.forMs,
    signal: AbortSignal.any([options.patience.signal, hopeless.signal]),
  };
  // Every voter that waits to try again listens; Node would take more than ten for a leak and warn.
  setMaxListeners(0, patience.signal);
  const started = performance.now();
  let accepted = 0;
  const show = () => {
    const seconds = (performance.now() - started) / 1_000;
    options.progress.update(
      `${accepted} of ${planned} ballots accepted (${Math.floor((100 * accepted) / planned)} %), ` +
        `${Math.round(accepted / seconds)} a second, ${totals.retries} retries`,
      accepted / planned,
    );
  };
  // Shown also while nothing moves: a silent command looks hung.
  const ticker = setInterval(show, TICK_MS);

  let limited = false;
  const limits = {
    crowdKey: options.crowdKey,
    onLimited(afterMs: number | undefined) {
      if (limited) return;
      limited = true;
      options.progress.print(describeLimit(options.crowdKey, afterMs));
    },
  };
  const ballots = mixBallots(plan);
  const lane = async () => {
    for (const choice of ballots) {
      const casting = await castBallot(voteUrl, poll, [choice], patience, limits);
      add(totals, choice, casting);
      if (casting.outcome.kind === 'accepted') accepted += 1;
      if (casting.outcome.kind === 'not-accepted' && casting.outcome.final) hopeless.abort();
      show();
      if (patience.signal.aborted) return;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(options.concurrency, planned) }, lane));
  } finally {
    clearInterval(ticker);
  }
  totals.ms = performance.now() - started;
  return totals;
}

function add(totals: CastTotals, choice: string, casting: Casting): void {
  totals.retries += casting.retries;
  if (casting.retries > 0) totals.retriedVoters += 1;
  for (const ms of casting.postMs) totals.posts.add(ms);
  if (casting.outcome.kind === 'accepted') {
    totals.accepted.set(choice, totals.accepted.get(choice)! + 1);
    return;
  }
  const { kind, reason } = casting.outcome;
  totals.failures.set(kind, { count: (totals.failures.get(kind)?.count ?? 0) + 1, reason });
}

function describeLimit(crowdKey: string | undefined, afterMs: number | undefined): string {
  const wait = afterMs === undefined ? '' : ` and asks to wait ${Math.ceil(afterMs / 1_000)} s`;
  const pass = crowdKey
    ? 'CROWD_KEY is none of its CROWD_KEYS'
    : 'to pass its limits, set CROWD_KEY to one of its CROWD_KEYS';
  return `The vote service takes no more ballots from here for now (429)${wait}: ${pass} (docs/configuration.md).`;
}
