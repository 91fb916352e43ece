import type { DrillResult } from '../drills/run-drill.ts';
import { computeFigures, type FaultFigures, type VoterFigures } from '../history/figures.ts';
import { table, time } from './table.ts';
import { tellViolations } from './violations.ts';

/** While a store is away, 99 of 100 voters are answered within this time (ms). */
const ANSWERED_WITHIN_MS = 200;

/** The faults of a drill under which voters waited for longer than is promised. */
export function slowFaults(result: DrillResult): FaultFigures[] {
  return computeFigures(result.history).faults.filter(isSlow);
}

function isSlow({ whileAway }: FaultFigures): boolean {
  return whileAway !== undefined && whileAway.p99 >= ANSWERED_WITHIN_MS;
}

/**
 * Whether every ballot and every page was as promised. A drill that was left out did not break any promise; how long
 * voters waited is told by `slowFaults`.
 */
export function passed({ failure, violations }: DrillResult): boolean {
  return failure === undefined && violations.length === 0;
}

/** In a word or two, as in the table. */
export function verdict(result: DrillResult): string {
  if (result.leftOut !== undefined) return 'left out';
  if (result.failure) return 'FAILED';
  if (result.violations.length > 0) return `BROKEN (${result.violations.length})`;
  const missing = result.without?.length ?? 0;
  return `${slowFaults(result).length > 0 ? 'SLOW' : 'kept'}${missing > 0 ? `, without ${missing}` : ''}`;
}

/** A line for each drill: what was voted, and whether every promise was kept. */
export function drillsTable(results: readonly DrillResult[]): string {
  return table(
    ['drill', 'seed', 'time', 'ballots', 'accepted', 'refused', 'unconfirmed', 'lost', 'faults', 'promises'],
    results.map((result) => {
      const { whole, faults } = computeFigures(result.history);
      const lost = result.final?.partitions.reduce((sum, partition) => sum + partition.lost, 0) ?? 0;
      const times = faults.reduce((sum, fault) => sum + fault.times, 0);
      const numbers = [
        whole.ballots + whole.unanswered,
        whole.ok,
        whole.fail,
        whole.unknown + whole.unanswered,
        lost,
        times,
      ];
      return [
        result.drill,
        result.seed,
        `${Math.round(result.seconds)} s`,
        ...numbers.map(String),
        verdict(result),
      ];
    }),
  );
}

/** A line for each fault of all drills: what voters and watchers saw. */
export function faultsTable(results: readonly DrillResult[]): string {
  const rows = results.flatMap((result) =>
    computeFigures(result.history).faults.map((fault) => [
      fault.name,
      result.drill === fault.name ? '' : result.drill,
      String(fault.times),
      ...voterCells(fault),
      `${time(fault.whileAway?.p99)}${isSlow(fault) ? ' !' : ''}`,
      ...watcherCells(fault),
    ]),
  );
  const quiet = results.map((result) => computeFigures(result.history).quiet);
  return table(
    [
      'fault',
      'in the drill',
      'times',
      'POSTs',
      'accepted',
      'p50',
      'p99',
      'max',
      'p99 until back',
      'page says so',
      'live again',
      'accepts again',
    ],
    [['(none)', 'all', '', ...voterCells(worst(quiet)), '', '', '', ''], ...rows],
  );
}

/** Of many times, all ballots and the slowest figures. */
function worst(figures: readonly VoterFigures[]): VoterFigures {
  const sum = (of: 'ballots' | 'ok' | 'fail' | 'unknown') =>
    figures.reduce((total, each) => total + each[of], 0);
  const answers = figures.flatMap((each) => each.answers ?? []);
  const slowest = (of: 'p50' | 'p99' | 'max') => Math.max(...answers.map((each) => each[of]));
  return {
    ballots: sum('ballots'),
    ok: sum('ok'),
    fail: sum('fail'),
    unknown: sum('unknown'),
    ...(answers.length > 0
      ? { answers: { p50: slowest('p50'), p99: slowest('p99'), max: slowest('max') } }
      : {}),
  };
}

function voterCells({ ballots, ok, answers }: VoterFigures): string[] {
  const share = ballots === 0 ? '' : `${Math.round((100 * ok) / ballots)} %`;
  return [String(ballots), share, time(answers?.p50), time(answers?.p99), time(answers?.max)];
}

function watcherCells(fault: FaultFigures): string[] {
  return [toldCell(fault), time(fault.liveAgainAfter), time(fault.firstOkAfter)];
}

/** Pages that never told come first to the eye: they are what is wrong. */
function toldCell({ pagesToldAfter, pagesTold, pagesNeverTold }: FaultFigures): string {
  if (pagesTold === undefined) return '';
  const never = pagesNeverTold ? `${pagesNeverTold} NEVER` : undefined;
  const told = pagesTold > 0 ? `${time(pagesToldAfter)} (${pagesTold})` : undefined;
  return [never, told].filter(Boolean).join(', ') || 'was over before';
}

/** What is wrong with a drill, and how to run it again; empty if nothing is. `folder` is where it was kept. */
export function complaints(result: DrillResult, folder: string, command: string): string[] {
  const slow = slowFaults(result);
  if (passed(result) && slow.length === 0) return [];
  const lines = [`✗ ${result.drill}`];
  if (result.failure) lines.push(`  ${result.failure.message}`, ...causes(result.failure));
  lines.push(...tellViolations(result.violations));
  for (const { name, whileAway } of slow) {
    lines.push(
      `  slow: from when ${name} began until ballots were accepted again, 99 of 100 voters were answered within ${time(whileAway!.p99)}, and not ${ANSWERED_WITHIN_MS} ms`,
    );
  }
  let standstill = 0;
  for (const event of result.history) {
    if (event.type === 'standstill') standstill = Math.max(standstill, event.ms);
  }
  if (standstill > 0) {
    lines.push(
      `  the drill itself stood still for ${time(standstill)}, so that times are wrong: this machine was too busy for it`,
    );
  }
  lines.push(`  History, final state and logs: ${folder}`, `  Again: SEED=${result.seed} ${command}`);
  if (result.history.length > 0)
    lines.push(`  Check the same history again: npm run drill -- --check ${folder}`);
  return lines;
}

function causes(error: Error): string[] {
  const { cause } = error;
  return cause instanceof Error ? [`  ${cause.message}`, ...causes(cause)] : [];
}
