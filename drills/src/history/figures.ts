import type { HistoryEvent } from './events.ts';
import { countUpTo, groupBy } from './sorted.ts';
import { type Fault, readFaults } from './spans.ts';
import { defined, round, worst } from './times.ts';
import { type WatcherFigures, watcherFigures } from './watchers.ts';

/** How long answers took, from a ballot's sending to its answer (ms). */
export type AnswerTimes = { p50: number; p99: number; max: number };

/** What voters were told. */
export type VoterFigures = {
  ballots: number;
  ok: number;
  fail: number;
  unknown: number;
  /** Undefined if there was no ballot. */
  answers?: AnswerTimes;
};

/**
 * All faults of one name together; of times the worst one (ms). Voters' figures are of the ballots that were sent from
 * `holds` to `heals`, whenever they were answered. One that never was is unknown, and took as long as it was waited for.
 */
export type FaultFigures = VoterFigures &
  WatcherFigures & {
    name: string;
    /** How often it was applied. */
    times: number;
    /** A store could not be reached while it held. */
    storeAway?: true;
    /** How long after `healed` until a ballot was accepted; undefined if none was. */
    firstOkAfter?: number;
  };

/** What voters and watchers saw under each fault. */
export type Figures = {
  whole: VoterFigures & {
    /** Ballots that never got any answer; they are not in the other figures of the whole. */
    unanswered: number;
  };
  /** Of ballots that were sent and answered while no fault was applied, in force, being healed or recovered from. */
  quiet: VoterFigures;
  /** In the order of their first appearance. */
  faults: FaultFigures[];
};

/** `at` is Infinity if it never came. */
type Answer = { sent: number; at: number; took: number; outcome: 'ok' | 'fail' | 'unknown' };

/** Voters wait at least so long before they give up (ms): a ballot that the end of the drill cut short took no less. */
const WAITED_AT_LEAST_MS = 5_000;

export function computeFigures(history: readonly HistoryEvent[]): Figures {
  const { answers, unanswered } = readAnswers(history);
  const ballots = [...answers, ...unanswered];
  const pages = groupBy(
    history.filter((event) => event.type === 'page'),
    ({ page }) => page,
  );
  const faults = readFaults(history);
  const byName = groupBy(faults, ({ name }) => name);
  const sentIn = ({ holds, heals }: Fault) => ballots.filter(({ sent }) => sent >= holds && sent <= heals);
  return {
    whole: { ...voterFigures(answers), unanswered: unanswered.length },
    quiet: voterFigures(outside(answers, faults)),
    faults: [...byName].map(([name, same]) => ({
      name,
      times: same.length,
      ...(same.some(({ storeAway }) => storeAway) && { storeAway: true }),
      ...voterFigures(same.flatMap(sentIn)),
      ...watcherFigures(same, faults, pages),
      ...defined('firstOkAfter', worst(same.map((fault) => firstOkAfter(fault, answers)))),
    })),
  };
}

/** In the order of the answers. */
function readAnswers(history: readonly HistoryEvent[]): { answers: Answer[]; unanswered: Answer[] } {
  const invoked = new Map<number, number>();
  const answers: Answer[] = [];
  for (const event of history) {
    if (event.type === 'invoke') invoked.set(event.ballot, event.at);
    else if (event.type === 'ok' || event.type === 'fail' || event.type === 'unknown') {
      const sent = invoked.get(event.ballot);
      if (sent === undefined) continue;
      invoked.delete(event.ballot);
      answers.push({ sent, at: event.at, took: event.at - sent, outcome: event.type });
    }
  }
  const end = history.at(-1)?.at ?? 0;
  const unanswered = Array.from(invoked.values(), (sent): Answer => {
    const took = Math.max(WAITED_AT_LEAST_MS, end - sent);
    return { sent, at: Number.POSITIVE_INFINITY, took, outcome: 'unknown' };
  });
  return { answers, unanswered };
}

function voterFigures(answers: readonly Answer[]): VoterFigures {
  const figures: VoterFigures = { ballots: answers.length, ok: 0, fail: 0, unknown: 0 };
  for (const { outcome } of answers) figures[outcome] += 1;
  if (answers.length === 0) return figures;
  const times = Float64Array.from(answers, ({ took }) => took).sort();
  const percentile = (p: number) => round(times[Math.ceil(p * times.length) - 1]!);
  return { ...figures, answers: { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) } };
}

function firstOkAfter({ healed }: Fault, answers: readonly Answer[]): number | undefined {
  for (let index = upTo(answers, healed); index < answers.length; index += 1) {
    const { at, outcome } = answers[index]!;
    if (outcome === 'ok') return round(at - healed);
  }
  return undefined;
}

function between(answers: readonly Answer[], from: number, to: number): Answer[] {
  const first = upTo(answers, from);
  return answers.slice(first, Math.max(first, upTo(answers, to)));
}

/** The answers to ballots of which no moment was between a fault's beginning and the first acceptance after it. */
function outside(answers: readonly Answer[], faults: readonly Fault[]): Answer[] {
  const spans = faults.map((fault) => ({
    from: fault.begins,
    to: fault.healed + (firstOkAfter(fault, answers) ?? Number.POSITIVE_INFINITY),
  }));
  spans.sort((a, b) => a.from - b.from);
  const quiet: Answer[][] = [];
  let since = Number.NEGATIVE_INFINITY;
  const add = (to: number) => {
    quiet.push(between(answers, since, to).filter(({ sent }) => sent >= since));
  };
  for (const { from, to } of spans) {
    if (from > since) add(from);
    since = Math.max(since, to);
  }
  add(Number.POSITIVE_INFINITY);
  return quiet.flat();
}

function upTo(events: readonly { at: number }[], moment: number): number {
  return countUpTo(events, moment, ({ at }) => at);
}
