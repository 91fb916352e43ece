import type { HistoryEvent } from './events.ts';
import { countUpTo, groupBy } from './sorted.ts';
import { type AppliedFault, readFaults, type Span } from './spans.ts';
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
    /**
     * Only of faults that take a store away: of the ballots that were sent from `begins` to the first acceptance after
     * `healed`, or until the next fault. An application is left out if at any moment of that time another fault touched
     * vote, or vote had not recovered from one.
     */
    whileAway?: AnswerTimes;
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

/** A fault, with the time from its beginning to the first acceptance after it was healed (Infinity if none was). */
type Application = Span & { fault: AppliedFault; firstOkAfter: number | undefined };

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
  const applications = faults.map((fault): Application => {
    const after = firstOkAfter(fault, answers);
    const to = fault.healed + (after ?? Number.POSITIVE_INFINITY);
    return { fault, from: fault.begins, to, firstOkAfter: after };
  });
  const byName = groupBy(applications, ({ fault }) => fault.name);
  const sentIn = ({ holds, heals }: AppliedFault) =>
    ballots.filter(({ sent }) => sent >= holds && sent <= heals);
  return {
    whole: { ...voterFigures(answers), unanswered: unanswered.length },
    quiet: voterFigures(outside(answers, applications)),
    faults: [...byName].map(([name, same]) => ({
      name,
      times: same.length,
      ...voterFigures(same.flatMap(({ fault }) => sentIn(fault))),
      ...whileAway(same, applications, ballots),
      ...watcherFigures(
        same.map(({ fault }) => fault),
        faults,
        pages,
      ),
      ...defined('firstOkAfter', worst(same.map((application) => application.firstOkAfter))),
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

/** @param same those of one name; @param all those of the drill. */
function whileAway(
  same: readonly Application[],
  all: readonly Application[],
  ballots: readonly Answer[],
): { whileAway?: AnswerTimes } {
  const sent = same.flatMap((own) => {
    const { storeAway, holds, healed } = own.fault;
    if (!storeAway || holds === Number.POSITIVE_INFINITY) return [];
    const others = all.filter((other) => other !== own);
    const next = others.flatMap(({ from }) => (from > healed ? [from] : []));
    const to = Math.min(...next, own.to);
    const isDisturbed = others.some(
      (other) => other.fault.touchesVote && other.from <= to && other.to >= own.from,
    );
    return isDisturbed ? [] : ballots.filter((each) => each.sent >= own.from && each.sent <= to);
  });
  const times = answerTimes(sent);
  return times ? { whileAway: times } : {};
}

function voterFigures(answers: readonly Answer[]): VoterFigures {
  const figures: VoterFigures = { ballots: answers.length, ok: 0, fail: 0, unknown: 0 };
  for (const { outcome } of answers) figures[outcome] += 1;
  const times = answerTimes(answers);
  return times ? { ...figures, answers: times } : figures;
}

function answerTimes(answers: readonly Answer[]): AnswerTimes | undefined {
  if (answers.length === 0) return undefined;
  const times = Float64Array.from(answers, ({ took }) => took).sort();
  const percentile = (p: number) => round(times[Math.ceil(p * times.length) - 1]!);
  return { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) };
}

function firstOkAfter({ healed }: AppliedFault, answers: readonly Answer[]): number | undefined {
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

/** The answers to ballots of which no moment was in the time of a fault. */
function outside(answers: readonly Answer[], applications: readonly Application[]): Answer[] {
  const spans = applications.toSorted((a, b) => a.from - b.from);
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
