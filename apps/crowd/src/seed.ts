import { type CastTotals, castAll } from './cast-all.ts';
import type { SeedOptions } from './command-line.ts';
import { compareGrowth, type Growth, isSettled } from './growth.ts';
import { planBallots } from './plan.ts';
import type { Progress } from './progress.ts';
import {
  readPoll,
  readTally,
  readTallyUntil,
  type TallyReading,
  type VotersPoll,
  type Waiting,
} from './services.ts';
import { describeTimes } from './times.ts';

export type SeedContext = {
  voteUrl: string;
  resultUrl: string;
  crowdKey: string | undefined;
  progress: Progress;
  /** Ends the work: nothing new is begun, what is in flight gets its answer. */
  signal: AbortSignal;
};

/**
 * Casts the ballots of as many new voters and checks that the tally grew by exactly those.
 * @returns whether every ballot was accepted and the growth is exact; what is not, it has printed.
 * @throws ServiceError where the services or the poll make it impossible.
 */
export async function seed(options: SeedOptions, context: SeedContext): Promise<boolean> {
  const { voteUrl, resultUrl, progress, signal } = context;
  const started = performance.now();
  const waiting = (): Waiting => ({
    deadline: performance.now() + options.waitMs,
    signal,
    onWait: (what) =>
      progress.update(`waiting, ${((performance.now() - started) / 1_000).toFixed(0)} s: ${what}`),
  });

  const poll = await readPoll(voteUrl, options.poll, waiting());
  const plan = planBallots(poll, options.ballots);
  await readTally(resultUrl, poll.key, waiting());
  const before = await readTallyUntil(resultUrl, poll.key, isSettled, waiting());
  if (signal.aborted) return false;
  if (!isSettled(before)) {
    progress.print(
      `The tally did not come to rest: it is ${before.status} with ${before.queued} queued. Is a worker running?`,
    );
    return false;
  }

  const what = [...plan].map(([key, count]) => `${count} × ${labelOf(poll, key)}`).join(', ');
  progress.print(`${poll.question} ${what}: ${options.concurrency} voters at a time, through ${voteUrl}`);
  const totals = await castAll(voteUrl, poll, plan, {
    concurrency: options.concurrency,
    patience: { forMs: options.waitMs, signal },
    crowdKey: context.crowdKey,
    progress,
  });
  reportCasting(totals, progress);
  if (signal.aborted) {
    progress.print('Stopped before the end: the tally was not checked.');
    return false;
  }

  const after = await readTallyUntil(
    resultUrl,
    poll.key,
    // A tally with too much cannot become right by waiting; one with too little can.
    (tally) => isSettled(tally) && compareGrowth(before, tally, totals.accepted).verdict !== 'less',
    waiting(),
  );
  const growth = compareGrowth(before, after, totals.accepted);
  reportTally(before, after, progress);
  return isRight(totals, growth, after, progress);
}

function reportCasting(totals: CastTotals, progress: Progress): void {
  const accepted = sum(totals.accepted);
  const rate = Math.round(accepted / (totals.ms / 1_000));
  progress.print(
    `Accepted ${accepted} of ${totals.planned} ballots in ${(totals.ms / 1_000).toFixed(1)} s (${rate} a second); ` +
      `${totals.retries} retries, by ${totals.retriedVoters} voters`,
  );
  progress.print(`Time of an answer to POST: ${describeTimes(totals.posts)}`);
  for (const [kind, { count, reason }] of totals.failures) {
    progress.print(
      `${kind === 'not-accepted' ? 'Not accepted' : 'Unconfirmed'}: ${count} ballots (${reason})`,
    );
  }
}

function reportTally(before: TallyReading, after: TallyReading, progress: Progress): void {
  const line = (name: string, from: number | null, to: number | null) =>
    progress.print(`  ${name}: ${from ?? 'hidden'} before, ${to ?? 'hidden'} after`);
  for (const { key, label, votes } of after.options) {
    line(`${label} (${key})`, before.options.find((option) => option.key === key)?.votes ?? null, votes);
  }
  line('turnout', before.turnout, after.turnout);
}

function isRight(totals: CastTotals, growth: Growth, after: TallyReading, progress: Progress): boolean {
  const all = sum(totals.accepted) === totals.planned;
  if (growth.verdict === 'exact' && isSettled(after)) {
    progress.print(
      `The tally grew by exactly the accepted ballots${all ? '.' : ', but not all were accepted.'}`,
    );
    return all;
  }
  progress.print(`The tally is NOT as expected (${after.status}, ${after.queued} queued):`);
  for (const difference of growth.differences) progress.print(`  ${difference}`);
  if (growth.verdict === 'more') {
    progress.print(
      totals.failures.has('unconfirmed')
        ? '  Unconfirmed ballots may be among them, or somebody else voted meanwhile.'
        : '  Nothing is missing: if somebody else voted meanwhile, that is why it grew by more.',
    );
  }
  return false;
}

function labelOf(poll: VotersPoll, key: string): string {
  return `${poll.options.find((option) => option.key === key)?.label} (${key})`;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
