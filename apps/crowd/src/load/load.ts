import { MAY_BE_LATE, MOST_LATE_MS, wasLate } from './arrive.ts';
import { slaHolds } from './meter.ts';
import { report } from './report.ts';
import { type CrowdContext, type CrowdOptions, runCrowd } from './run.ts';

/** `invalid`: the crowd itself was too late to tell anything of the SLA. */
export type Verdict = 'good' | 'bad' | 'invalid';

/**
 * Lets a crowd come and vote, and tells what it saw.
 * @returns whether the SLA held for its requests to each service and the tally was right, during and after; what was not,
 * it has printed. @throws ServiceError where the services or the poll make it impossible.
 */
export async function load(options: CrowdOptions, context: CrowdContext): Promise<Verdict> {
  const { progress } = context;
  const share = (part: number) => `${Math.round(part * 100)} %`;
  progress.print(
    `${options.rate} visits a second for ${options.durationMs / 1_000} s, ${share(options.revotes)} of them by voters who ` +
      `come back, ${share(options.pages)} by page; ${options.watchers} sockets watch. Seed: ${options.seed}`,
  );
  const run = await runCrowd(options, context);
  report(run, progress);
  if (wasLate(run.late)) {
    progress.print(
      `INVALID: the crowd began more than ${share(MAY_BE_LATE)} of its visits over ${MOST_LATE_MS} ms late, so this says ` +
        'nothing of the SLA. Give it more of a machine, or a lower rate.',
    );
    return run.counted ? 'invalid' : 'bad';
  }
  const holds = slaHolds(run.sums);
  progress.print(holds ? 'The SLA was held.' : 'The SLA was BROKEN.');
  return holds && run.counted ? 'good' : 'bad';
}
