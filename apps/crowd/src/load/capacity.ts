import type { Progress } from '../progress.ts';
import { ServiceError } from '../services.ts';
import { layTable } from '../table.ts';
import { formatMs } from '../times.ts';
import { wasLate } from './arrive.ts';
import { slaHolds } from './meter.ts';
import { percent } from './report.ts';
import { type CrowdContext, type CrowdOptions, type Run, runCrowd } from './run.ts';

export type CapacityOptions = Omit<CrowdOptions, 'rate'> & {
  /** Visits a second: the first rate, the last, and what lies between two. */
  ramp: { from: number; to: number; step: number };
};

/** Of a hundred ballots: with more not accepted, the rate is that of something else than voting. */
const MAY_BE_REFUSED = 0.01;
const HEAD = [
  ...['visits/s', 'vote p99', 'slow', 'failed', 'result p99', 'slow', 'failed', 'to screen p99'],
  ...['refused', "crowd's cores", ''],
];

/**
 * Raises the rate step by step, each for as long as `durationMs`, until the SLA breaks. The first rate is run once before
 * that, uncounted, so that nothing is measured that is only just waking up. What breaks is tried once more: on a machine
 * that others use too, one step may be somebody else's.
 * @returns whether any rate held. @throws ServiceError where the services or the poll make it impossible.
 */
export async function findCapacity(options: CapacityOptions, context: CrowdContext): Promise<boolean> {
  const { progress, signal } = context;
  const { from, to, step } = options.ramp;
  const at = (rate: number, name: string) =>
    runCrowd({ ...options, rate, seed: `${options.seed}/${name}` }, context);
  progress.print(
    `From ${from} visits a second to ${to} by ${step}, ${options.durationMs / 1_000} s each. Seed: ${options.seed}`,
  );
  await at(from, 'warm-up');

  let held: { rate: number; run: Run } | undefined;
  const rows: string[][] = [];
  const tryRate = async (rate: number, name: string) => {
    const run = await at(rate, name).catch((error: unknown) => {
      // The rate before may have been so much that nothing answers, or counts, any more: what was found is told all the same.
      if (error instanceof ServiceError) return error;
      throw error;
    });
    if (run instanceof ServiceError) progress.print(`${rate} visits a second: ${run.message}`);
    if (run instanceof ServiceError || signal.aborted) return false;
    const fault = faultOf(run);
    const row = rowOf(rate, run, fault ?? 'held');
    rows.push(row);
    progress.print(`${rate} visits a second: ${fault ?? 'held'}`);
    if (!fault) held = { rate, run };
    return !fault;
  };
  for (let rate = from; rate <= to && !signal.aborted; rate += step) {
    if (!(await tryRate(rate, `${rate}`)) && !(await tryRate(rate, `${rate} again`))) break;
  }
  conclude(rows, held, options.ramp, progress);
  return held !== undefined;
}

/** Why a rate is too much; undefined where it is not. */
function faultOf(run: Run): string | undefined {
  const { accepted, refused, unconfirmed, unsent } = run.counts;
  const visits = accepted + refused + unconfirmed + unsent;
  if (run.difference.missing > 0 || run.worst.missing > 0) return 'ballots are MISSING';
  if (run.difference.more > 0 || run.worst.more > 0) return 'MORE than was cast';
  if (wasLate(run.late)) return 'the crowd itself was late';
  if (!slaHolds(run.sums)) return 'SLA broken';
  if (visits - accepted > MAY_BE_REFUSED * visits) return 'ballots not accepted';
  if (run.after.status !== 'live') return `the tally is ${run.after.status}`;
  return undefined;
}

function rowOf(rate: number, { sums, counts, screen, cores }: Run, verdict: string): string[] {
  const figures = ({ p99, slow, failed, requests }: Run['sums']['vote']) => [
    formatMs(p99),
    percent(slow, requests),
    percent(failed, requests),
  ];
  return [
    String(rate),
    ...figures(sums.vote),
    ...figures(sums.result),
    formatMs(screen.quantile(0.99)),
    String(counts.refused + counts.unconfirmed + counts.unsent),
    cores.toFixed(2),
    verdict,
  ];
}

function conclude(
  rows: string[][],
  held: { rate: number; run: Run } | undefined,
  { to, step }: CapacityOptions['ramp'],
  progress: Progress,
): void {
  for (const line of layTable([HEAD, ...rows])) progress.print(line);
  if (!held) {
    progress.print('No rate held: try a lower one.');
    return;
  }
  const { rate, run } = held;
  const requests = (run.sums.vote.requests + run.sums.result.requests) / run.visits.count;
  progress.print(
    `The last rate that held: ${rate} visits a second, of ${requests.toFixed(1)} requests each` +
      `${rate + step > to ? ' (no higher one was tried)' : ''}. Half of it: --rate ${Math.max(1, Math.floor(rate / 2))}`,
  );
  progress.print(
    `The crowd took ${run.cores.toFixed(2)} cores for it. If those are of the machine of the services, they had so much ` +
      'less, and can do more than this without it.',
  );
}
