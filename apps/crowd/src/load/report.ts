import type { Progress } from '../progress.ts';
import { layTable } from '../table.ts';
import { describeTimes, formatMs } from '../times.ts';
import { describeDifference } from './difference.ts';
import type { Sum } from './meter.ts';
import { APPS } from './metrics.ts';
import type { Run } from './run.ts';

export const percent = (part: number, of: number) => (of === 0 ? '–' : `${((100 * part) / of).toFixed(2)} %`);

/** Tells what a run came to, but for its verdicts. */
export function report(run: Run, progress: Progress): void {
  reportRequests(run, progress);
  progress.print(`Visits, from when each was due to its last answer: ${describeTimes(run.visits)}`);
  progress.print(
    `The crowd itself began them late: ${describeTimes(run.late)}, at most ${formatMs(run.late.quantile(1))}; it took ` +
      `${Math.round(100 * run.cores)} % of a core.`,
  );
  progress.print(`From the vote to the screen: ${describeTimes(run.screen)}`);
  reportTally(run, progress);
}

function reportRequests({ sums, counts }: Run, progress: Progress): void {
  const { accepted, refused, unconfirmed, unsent } = counts;
  progress.print(
    `Ballots: ${accepted} accepted, ${refused} refused, ${unconfirmed} unconfirmed, ${unsent} not sent`,
  );
  const figures = ({ requests, p50, p95, p99, slow, failed }: Sum) => [
    String(requests),
    ...[p50, p95, p99].map(formatMs),
    percent(slow, requests),
    percent(failed, requests),
  ];
  const head = ['', 'requests', 'p50', 'p95', 'p99', 'over 200 ms', '5xx or none', 'SLA'];
  const rows = APPS.map((app) => [app, ...figures(sums[app]), describeHolds(sums[app])]);
  for (const line of layTable([head, ...rows])) progress.print(line);
  for (const app of APPS) {
    const statuses = [...sums[app].statuses].sort(([a], [b]) => a - b);
    const list = statuses.map(([status, count]) => `${status || 'no answer'}: ${count}`).join(', ');
    if (list) progress.print(`Answers of ${app}: ${list}`);
  }
}

function describeHolds({ holds }: Sum): string {
  if (holds === undefined) return '–';
  return holds ? 'held' : 'BROKEN';
}

function reportTally({ before, after, bounds, worst, difference, counted }: Run, progress: Progress): void {
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
    line(`${label} (${key})`, earlier, votes, bounds.options.get(key) ?? { least: 0, most: 0 });
  }
  line('turnout', before.turnout, after.turnout, bounds.turnout);
  if (counted) {
    progress.print('The tally is right.');
    return;
  }
  progress.print(`The tally is NOT right (${after.status}, ${after.queued} queued).`);
  for (const [when, what] of [
    ['At the end', difference],
    ['While it ran, at worst', worst],
  ] as const) {
    const words = describeDifference(what);
    if (words) progress.print(`${when}: ${words}`);
  }
}
