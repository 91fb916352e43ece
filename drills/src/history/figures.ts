import type { HistoryEvent, PageSees } from './events.ts';
import { countUpTo, groupBy } from './sorted.ts';
import { type Fault, readFaults } from './spans.ts';

/** How long answers took, from a ballot's sending to its answer (ms). */
export type AnswerTimes = { p50: number; p99: number; max: number };

/** What voters were told in some time: ballots that were answered in it, whenever they were sent. */
export type VoterFigures = {
  ballots: number;
  ok: number;
  fail: number;
  unknown: number;
  /** Undefined if there was no ballot. */
  answers?: AnswerTimes;
};

/** All faults of one name together; of times the worst one (ms). */
export type FaultFigures = VoterFigures & {
  name: string;
  /** How often it was applied. */
  times: number;
  /** A store could not be reached while it held. */
  storeAway?: true;
  /** Only if it stops recording: how long after `holds` the last page stopped showing live; of those that did. */
  pagesToldAfter?: number;
  /** Only if it stops recording: pages that showed live all the time from `holds` to `heals`, added up. */
  pagesNeverTold?: number;
  /** How long after `healed` until every page had shown live again; undefined if there was no page or one never did. */
  liveAgainAfter?: number;
  /** How long after `healed` until a ballot was accepted; undefined if none was. */
  firstOkAfter?: number;
};

/** What voters and watchers saw under each fault. */
export type Figures = {
  whole: VoterFigures & {
    /** Ballots that never got any answer; they are in no other figure. */
    unanswered: number;
  };
  /** Of ballots that were sent and answered while no fault was applied, in force, being healed or recovered from. */
  quiet: VoterFigures;
  /** In the order of their first appearance. Voters' figures are of the time from `holds` to `heals`. */
  faults: FaultFigures[];
};

type Answer = { at: number; took: number; outcome: 'ok' | 'fail' | 'unknown' };

export function computeFigures(history: readonly HistoryEvent[]): Figures {
  const { answers, unanswered } = readAnswers(history);
  const pages = groupBy(
    history.filter((event) => event.type === 'page'),
    ({ page }) => page,
  );
  const faults = readFaults(history);
  const byName = groupBy(faults, ({ name }) => name);
  return {
    whole: { ...voterFigures(answers), unanswered },
    quiet: voterFigures(outside(answers, faults)),
    faults: [...byName].map(([name, same]) => ({
      name,
      times: same.length,
      ...(same.some(({ storeAway }) => storeAway) && { storeAway: true }),
      ...voterFigures(same.flatMap(({ holds, heals }) => between(answers, holds, heals))),
      ...watcherFigures(same, [...pages.values()]),
      ...defined('firstOkAfter', worst(same.map((fault) => firstOkAfter(fault, answers)))),
    })),
  };
}

/** In the order of the answers. */
function readAnswers(history: readonly HistoryEvent[]): { answers: Answer[]; unanswered: number } {
  const invoked = new Map<number, number>();
  const answers: Answer[] = [];
  for (const event of history) {
    if (event.type === 'invoke') invoked.set(event.ballot, event.at);
    else if (event.type === 'ok' || event.type === 'fail' || event.type === 'unknown') {
      const since = invoked.get(event.ballot);
      if (since === undefined) continue;
      invoked.delete(event.ballot);
      answers.push({ at: event.at, took: event.at - since, outcome: event.type });
    }
  }
  return { answers, unanswered: invoked.size };
}

function voterFigures(answers: readonly Answer[]): VoterFigures {
  const figures: VoterFigures = { ballots: answers.length, ok: 0, fail: 0, unknown: 0 };
  for (const { outcome } of answers) figures[outcome] += 1;
  if (answers.length === 0) return figures;
  const times = Float64Array.from(answers, ({ took }) => took).sort();
  const percentile = (p: number) => round(times[Math.ceil(p * times.length) - 1]!);
  return { ...figures, answers: { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) } };
}

function watcherFigures(
  faults: readonly Fault[],
  pages: readonly PageSees[][],
): Pick<FaultFigures, 'pagesToldAfter' | 'pagesNeverTold' | 'liveAgainAfter'> {
  const told: number[] = [];
  let never = 0;
  const again: (number | undefined)[] = [];
  for (const { stops, holds, heals, healed } of faults) {
    for (const seen of pages) {
      if (holds < Number.POSITIVE_INFINITY && stops.has('recording') && shownAt(seen, holds) !== undefined) {
        const after = untilShown(seen, holds, (shows) => shows !== 'live');
        if (after !== undefined && holds + after <= heals) told.push(after);
        else never += 1;
      }
      if (healed < Number.POSITIVE_INFINITY && shownAt(seen, healed) !== undefined) {
        again.push(untilShown(seen, healed, (shows) => shows === 'live'));
      }
    }
  }
  const stops = faults.some((fault) => fault.stops.has('recording'));
  return {
    ...defined('pagesToldAfter', worst(told)),
    ...(stops && { pagesNeverTold: never }),
    ...defined('liveAgainAfter', worst(again)),
  };
}

/** What a page showed last at a moment. */
function shownAt(seen: readonly PageSees[], moment: number): PageSees | undefined {
  return seen[upTo(seen, moment) - 1];
}

/** How long after a moment a page showed what is looked for; 0 if it did already. */
function untilShown(
  seen: readonly PageSees[],
  moment: number,
  wanted: (shows: PageSees['shows']) => boolean,
): number | undefined {
  for (let index = Math.max(0, upTo(seen, moment) - 1); index < seen.length; index += 1) {
    const { at, shows } = seen[index]!;
    if (wanted(shows)) return round(Math.max(0, at - moment));
  }
  return undefined;
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
    quiet.push(between(answers, since, to).filter(({ at, took }) => at - took >= since));
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

/** The longest; undefined if there is none, or if one of them never came. */
function worst(times: readonly (number | undefined)[]): number | undefined {
  let longest: number | undefined;
  for (const time of times) {
    if (time === undefined) return undefined;
    longest = Math.max(longest ?? 0, time);
  }
  return longest;
}

function defined<Key extends string>(key: Key, value: number | undefined): { [K in Key]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: number });
}

/** Times are taken to a tenth of a millisecond; a difference of two shows more. */
function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
