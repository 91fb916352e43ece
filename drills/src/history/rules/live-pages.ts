import { SILENT_AFTER_MS, STALE_AFTER_MS } from '@hbf/contracts/tally';
import type { PageSees } from '../events.ts';
import type { Ballot, Evidence } from '../evidence.ts';
import { countUpTo } from '../sorted.ts';
import { type AppliedFault, blindSpans, isDeafened, type Span, stoppedSpans } from '../spans.ts';
import type { Violation } from '../violation.ts';

/**
 * How long a page may go on saying "live" when it is not true any more (ms): a heartbeat is believed for 5 s, and what
 * follows (reading, emitting, the way to the page) is given one more.
 */
export const HONEST_WITHIN_MS = STALE_AFTER_MS + 1_000;

/** How long a page that hears nothing may show its last word (ms): it waits 5 s for the next, and must see that it did. */
const DEAF_FOR_MS = SILENT_AFTER_MS + 1_000;

/** What pages said of themselves while things went wrong. */
export function checkLivePages(evidence: Evidence): Violation[] {
  const { pages, faults } = evidence;
  const stopped = stoppedSpans(faults, 'recording');
  const blind = blindSpans(faults);
  const arrivals = firstRecorded(evidence);
  const violations: Violation[] = [];
  for (const [page, seen] of pages) {
    const deaf = faults.filter((fault) => isDeafened(page, fault));
    for (const [index, event] of seen.entries()) {
      const { poll, shows, phase, turnout } = event;
      if (shows !== 'live') continue;
      const claim = claimOf(event, seen[index + 1], evidence);
      // A final tally stays true, whatever happens and however old it is.
      if (phase !== 'final') {
        const lie = findLie(claim, stopped, deaf);
        if (lie) {
          const what = `${page} shows live at ${lie.at} ms, and nothing could be recorded since ${lie.since} ms`;
          violations.push({ rule: 'live-is-recording', what });
        }
        const cutOff = findDeaf(claim, deaf) ?? findLie(claim, blind, deaf);
        if (cutOff) {
          const what = `${page} shows live at ${cutOff.at} ms, and nothing could come to it since ${cutOff.since} ms`;
          violations.push({ rule: 'cut-off-is-told', what });
        }
      }
      const moment = heardBy(claim.to, claim, deaf) - HONEST_WITHIN_MS;
      const due = countUpTo(arrivals.get(poll) ?? [], moment, (time) => time);
      if (turnout < due) {
        const what = `${page} shows ${turnout} voters of ${poll} as live at ${claim.to} ms, and ${due} were accepted by ${moment} ms`;
        violations.push({ rule: 'live-is-complete', what });
      }
    }
  }
  return violations;
}

/** A moment at which a page said what was untrue for too long, and since when (ms). */
type Lie = { at: number; since: number };

/** The time for which a page said what it said. Nobody knows what a page that is gone showed last. */
function claimOf({ at, page }: PageSees, next: PageSees | undefined, { end, final }: Evidence): Span {
  if (next) return { from: at, to: next.at };
  return { from: at, to: final.pages.some((last) => last.page === page) ? end : at };
}

/**
 * When a page heard at the latest what it shows at a moment, as far as it can be blamed: it hears all the time, but where
 * a fault may keep everything from it. What it shows for longer than it may without a word it heard anew, once that fault
 * was taken back.
 */
function heardBy(moment: number, claim: Span, deaf: readonly AppliedFault[]): number {
  const last = moment - DEAF_FOR_MS;
  let heard = moment;
  for (const { begins, holds, heals, healed } of deaf) {
    if (begins > moment || healed < last) continue;
    const since = moment > Math.max(heals, holds + DEAF_FOR_MS) ? heals : begins;
    heard = Math.min(heard, Math.max(claim.from, since, last));
  }
  return heard;
}

/**
 * Where a page stands by its word for too long though it hears nothing. One that changes what it shows has heard
 * something: its replica may have come back otherwise.
 */
function findDeaf(claim: Span, deaf: readonly AppliedFault[]): Lie | undefined {
  for (const { holds, heals } of deaf) {
    const [since, at] = [Math.max(claim.from, holds), Math.min(claim.to, heals)];
    if (at - since > DEAF_FOR_MS) return { at, since };
  }
  return undefined;
}

function findLie(claim: Span, stopped: readonly Span[], deaf: readonly AppliedFault[]): Lie | undefined {
  for (const { from, to } of stopped) {
    const at = Math.min(claim.to, to);
    if (at >= claim.from && heardBy(at, claim, deaf) - from > HONEST_WITHIN_MS) return { at, since: from };
  }
  return undefined;
}

/** Whether an accepted ballot was certainly recorded once: one that was superseded may have been lost before. */
function isSurelyRecorded({ outcome, status, mayBeLost }: Ballot): boolean {
  if (outcome !== 'ok') return false;
  return status === 'counted' || (status === 'superseded' && !mayBeLost);
}

/** When each voter's first ballot was accepted of those that were surely recorded; sorted, by poll. */
function firstRecorded({ voters }: Evidence): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { poll, ballots } of voters.values()) {
    let first = Number.POSITIVE_INFINITY;
    for (const ballot of ballots) if (isSurelyRecorded(ballot)) first = Math.min(first, ballot.answered);
    if (first === Number.POSITIVE_INFINITY) continue;
    const of = times.get(poll);
    if (of) of.push(first);
    else times.set(poll, [first]);
  }
  for (const of of times.values()) of.sort((a, b) => a - b);
  return times;
}
