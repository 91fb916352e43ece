import { SILENT_AFTER_MS, STALE_AFTER_MS } from '@hbf/contracts/tally';
import type { PageSees } from '../events.ts';
import type { Ballot, Evidence } from '../evidence.ts';
import { countUpTo } from '../sorted.ts';
import { type Span, stoppedSpans } from '../spans.ts';
import type { Violation } from '../violation.ts';

/**
 * How long a page may go on saying "live" when it is not true any more (ms): a heartbeat is believed for 5 s, and what
 * follows (reading, emitting, the way to the page) is given one more.
 */
export const HONEST_WITHIN_MS = STALE_AFTER_MS + 1_000;

/** How much longer if it hears nothing: it waits 5 s for the next word, and looks once a second. */
const DEAF_FOR_MS = SILENT_AFTER_MS + 1_000;

/** What pages said of themselves while things went wrong. */
export function checkLivePages(evidence: Evidence): Violation[] {
  const { pages, faults } = evidence;
  const stopped = stoppedSpans(faults, 'recording');
  const deaf = faults
    .filter(({ deafens }) => deafens)
    .map(({ begins, healed }) => ({ from: begins, to: healed }));
  const arrivals = timesByPoll(evidence, (ballots) => {
    const times = ballots.filter((ballot) => isSurelyRecorded(ballot)).map(({ answered }) => answered);
    return times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : undefined;
  });
  const departures = timesByPoll(evidence, (ballots) => ballots[0]?.invoked);
  const violations: Violation[] = [];
  for (const [page, seen] of pages) {
    for (const [index, event] of seen.entries()) {
      const { poll, shows, phase, turnout, at } = event;
      const sent = countUpTo(departures.get(poll) ?? [], at, (time) => time);
      if (turnout > sent) {
        const what = `${page} shows ${turnout} voters of ${poll} at ${at} ms, and only ${sent} have sent a ballot`;
        violations.push({ rule: 'pages-show-what-was-sent', what });
      }
      if (shows !== 'live') continue;
      const claim = claimOf(event, seen[index + 1], evidence);
      const lie = phase === 'final' ? undefined : findLie(claim, stopped, deaf);
      if (lie) {
        const what = `${page} shows live at ${lie.at} ms, and nothing could be recorded since ${lie.since} ms`;
        violations.push({ rule: 'live-is-recording', what });
      }
      const moment = claim.to - patience(claim.to, deaf);
      const due = countUpTo(arrivals.get(poll) ?? [], moment, (time) => time);
      if (turnout < due) {
        const what = `${page} shows ${turnout} voters of ${poll} as live at ${claim.to} ms, and ${due} were accepted by ${moment} ms`;
        violations.push({ rule: 'live-is-complete', what });
      }
    }
  }
  return violations;
}

/**
 * The time for which a page said what it said: until it says something else. If that is `silent`, it had heard nothing
 * for a while, and what counts is the last word that it heard. Nobody knows what a page that is gone showed last.
 */
function claimOf({ at, page }: PageSees, next: PageSees | undefined, { end, final }: Evidence): Span {
  if (next?.shows === 'silent') return { from: at, to: Math.max(at, next.at - SILENT_AFTER_MS) };
  if (next) return { from: at, to: next.at };
  return { from: at, to: final.pages.some((last) => last.page === page) ? end : at };
}

function patience(moment: number, deaf: readonly Span[]): number {
  const longest = HONEST_WITHIN_MS + DEAF_FOR_MS;
  const mayBeDeaf = deaf.some(({ from, to }) => from <= moment && to >= moment - longest);
  return mayBeDeaf ? longest : HONEST_WITHIN_MS;
}

function findLie(
  claim: Span,
  stopped: readonly Span[],
  deaf: readonly Span[],
): { at: number; since: number } | undefined {
  for (const { from, to } of stopped) {
    const at = Math.min(claim.to, to);
    if (at >= claim.from && at - from > patience(at, deaf)) return { at, since: from };
  }
  return undefined;
}

/** Whether an accepted ballot was certainly recorded once: one that was superseded may have been lost before. */
function isSurelyRecorded({ outcome, status, mayBeLost }: Ballot): boolean {
  if (outcome !== 'ok') return false;
  return status === 'counted' || (status === 'superseded' && !mayBeLost);
}

/** One time for each voter, sorted, by poll. */
function timesByPoll(
  { voters }: Evidence,
  timeOf: (ballots: readonly Ballot[]) => number | undefined,
): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { poll, ballots } of voters.values()) {
    const time = timeOf(ballots);
    if (time === undefined) continue;
    const of = times.get(poll);
    if (of) of.push(time);
    else times.set(poll, [time]);
  }
  for (const of of times.values()) of.sort((a, b) => a - b);
  return times;
}
