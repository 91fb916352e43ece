import { STALE_AFTER_MS } from '@hbf/contracts/tally';
import type { PageSees } from './events.ts';
import { countUpTo } from './sorted.ts';
import { type AppliedFault, isDeafened } from './spans.ts';
import { defined, round, worst } from './times.ts';

/** What watchers saw of the faults of one name: times are the worst ones (ms). */
export type WatcherFigures = {
  /** Only of faults that pages have to tell of: how long after `holds` the last page stopped showing live. */
  pagesToldAfter?: number;
  /** Pages that had stopped by `heals`, and pages that had not though it held for longer than is promised. */
  pagesTold?: number;
  pagesNeverTold?: number;
  /**
   * How long after `healed` any page was still, or again, not live before the next fault began; unset if there was no
   * page, one never was, or other faults left no time to see it.
   */
  liveAgainAfter?: number;
};

/** Within this time a page says what is wrong (ms): a heartbeat is believed for 5 s, and one more to tell of it. */
const TOLD_WITHIN_MS = STALE_AFTER_MS + 1_000;

/** @param faults those of one name; @param all those of the drill; @param pages what each page showed, in order. */
export function watcherFigures(
  faults: readonly AppliedFault[],
  all: readonly AppliedFault[],
  pages: ReadonlyMap<string, readonly PageSees[]>,
): WatcherFigures {
  const told: number[] = [];
  let never = 0;
  const again: (number | undefined)[] = [];
  for (const fault of faults) {
    const { holds, heals, healed } = fault;
    for (const [page, seen] of pages) {
      const shown = shownAt(seen, holds);
      if (!hasToTell(page, fault) || shown === undefined || shown.phase === 'final') continue;
      if (isKeptFrom(page, fault, all)) continue;
      // One that was cut off may hear again over another connection: all is well then, and it has told before.
      const stopped = (isDeafened(page, fault) ? firstNotLive : liveUntil)(seen, holds, heals);
      if (stopped < heals) told.push(round(stopped - holds));
      else if (heals - holds > TOLD_WITHIN_MS) never += 1;
    }
    const undisturbed = timeAlone(fault, all);
    if (undisturbed === undefined) continue;
    for (const seen of pages.values()) {
      if (shownAt(seen, healed) === undefined) continue;
      const last = notLiveUntil(seen, healed, undisturbed);
      // What another fault cut short is no figure; what the drill's end did is: it never was live again.
      if (last < undisturbed) again.push(round(last - healed));
      else if (undisturbed === Number.POSITIVE_INFINITY) again.push(undefined);
    }
  }
  const asked = faults.some((fault) => [...pages.keys()].some((page) => hasToTell(page, fault)));
  return {
    ...defined('pagesToldAfter', worst(told)),
    ...(asked && { pagesTold: told.length, pagesNeverTold: never }),
    ...defined('liveAgainAfter', worst(again)),
  };
}

function hasToTell(page: string, fault: AppliedFault): boolean {
  if (fault.holds === Number.POSITIVE_INFINITY) return false;
  return fault.stops.has('recording') || fault.blinds === true || isDeafened(page, fault);
}

/** Whether another fault may have kept it from a page: then the page tells of that one, and has its own time for it. */
function isKeptFrom(page: string, fault: AppliedFault, all: readonly AppliedFault[]): boolean {
  if (isDeafened(page, fault)) return false;
  return all.some(
    (other) =>
      isDeafened(page, other) &&
      other.fault !== fault.fault &&
      other.begins <= fault.heals &&
      other.healed >= fault.holds,
  );
}

/** Until when a fault's recovery is its own; undefined if another one is applied when it is healed. */
function timeAlone({ fault, healed }: AppliedFault, all: readonly AppliedFault[]): number | undefined {
  if (healed === Number.POSITIVE_INFINITY) return undefined;
  let until = Number.POSITIVE_INFINITY;
  for (const other of all) {
    if (other.fault === fault) continue;
    if (other.begins > healed) until = Math.min(until, other.begins);
    else if (other.healed > healed) return undefined;
  }
  return until;
}

/** A final tally stays true, whatever happens and however old it is. */
const isLive = ({ shows, phase }: PageSees) => shows === 'live' || phase === 'final';
/** A page that claims to be up to date. */
const claims = ({ shows, phase }: PageSees) => shows === 'live' && phase !== 'final';

/** The last moment of a time at which a page claimed to be live; its beginning if it did not. */
function liveUntil(seen: readonly PageSees[], from: number, to: number): number {
  return lastMoment(seen, from, to, claims);
}

/** The first moment of a time at which a page did not claim to be live; its end if it always did. */
function firstNotLive(seen: readonly PageSees[], from: number, to: number): number {
  const sights = seen.slice(Math.max(0, upTo(seen, from) - 1), upTo(seen, to));
  const silent = sights.find((sight) => !claims(sight));
  return silent ? Math.max(from, silent.at) : to;
}

/** The last moment of a time at which a page was not live; its beginning if it always was. */
function notLiveUntil(seen: readonly PageSees[], from: number, to: number): number {
  return lastMoment(seen, from, to, (sight) => !isLive(sight));
}

function lastMoment(
  seen: readonly PageSees[],
  from: number,
  to: number,
  isSo: (sight: PageSees) => boolean,
): number {
  const first = Math.max(0, upTo(seen, from) - 1);
  for (let index = upTo(seen, to) - 1; index >= first; index -= 1) {
    if (isSo(seen[index]!)) return Math.min(to, seen[index + 1]?.at ?? Number.POSITIVE_INFINITY);
  }
  return from;
}

/** What a page showed last at a moment. */
function shownAt(seen: readonly PageSees[], moment: number): PageSees | undefined {
  return seen[upTo(seen, moment) - 1];
}

function upTo(seen: readonly PageSees[], moment: number): number {
  return countUpTo(seen, moment, ({ at }) => at);
}
