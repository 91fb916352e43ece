import type { FaultEvent, HistoryEvent, Settled } from './events.ts';

/** A time in a drill (ms). `to` is Infinity for what never ended. */
export type Span = { from: number; to: number };

/** A fault as a whole: when each phase came (ms; Infinity where it never did), and what it declared in any of them. */
export type AppliedFault = Pick<
  FaultEvent,
  | 'fault'
  | 'name'
  | 'loses'
  | 'deafens'
  | 'poisons'
  | 'closes'
  | 'storeAway'
  | 'touchesVote'
  | 'blinds'
  | 'foreign'
> & {
  stops: ReadonlySet<string>;
  /** Every ballot that was answered before is beyond its reach (ms); -Infinity where nothing was settled before it. */
  reachesFrom: number;
  /** It may lose ballots or have them rejected, and nothing was settled since an earlier one that may, or ever. */
  isUnbounded: boolean;
  begins: number;
  holds: number;
  heals: number;
  healed: number;
};

export function readFaults(history: readonly HistoryEvent[]): AppliedFault[] {
  const faults = new Map<number, AppliedFault & { stops: Set<string> }>();
  let reachesFrom = Number.NEGATIVE_INFINITY;
  let isSettled = false;
  for (const event of history) {
    if (event.type === 'settled') {
      reachesFrom = Math.max(reachesFrom, event.since);
      isSettled = true;
    }
    if (event.type !== 'fault') continue;
    let fault = faults.get(event.fault);
    if (!fault) {
      const never = Number.POSITIVE_INFINITY;
      const { name } = event;
      fault = {
        fault: event.fault,
        name,
        stops: new Set(),
        reachesFrom,
        isUnbounded: false,
        begins: event.at,
        holds: never,
        heals: never,
        healed: never,
      };
      faults.set(event.fault, fault);
      if (event.loses || event.poisons !== undefined) {
        fault.isUnbounded = !isSettled;
        isSettled = false;
      }
    }
    fault[event.phase] = event.at;
    for (const stopped of event.stops ?? []) fault.stops.add(stopped);
    if (event.loses) fault.loses = true;
    if (event.deafens) fault.deafens = [...new Set([...(fault.deafens ?? []), ...event.deafens])];
    if (event.storeAway) fault.storeAway = true;
    if (event.blinds) fault.blinds = true;
    if (event.touchesVote) fault.touchesVote = true;
    if (event.poisons !== undefined) fault.poisons = event.poisons;
    if (event.closes !== undefined) fault.closes = event.closes;
    if (event.foreign !== undefined) fault.foreign = Math.max(fault.foreign ?? 0, event.foreign);
  }
  return [...faults.values()];
}

/**
 * How long after its voter gave up (ms) a ballot may still be appended: it waited at a vote process that was stopped, or
 * in a connection.
 */
const APPENDED_WITHIN_MS = 5_000;

/**
 * Whether a fault can have done its harm to a ballot: it was sent before the fault was over, and not known to be processed
 * before it began. A late answer says nothing: vote itself may have been stopped after Redis had accepted the ballot.
 * @param over when the fault does no more harm.
 */
export function mayReach(
  { reachesFrom }: AppliedFault,
  ballot: { invoked: number; answered: number; outcome: 'ok' | 'fail' | 'unknown' },
  over: number,
): boolean {
  const appended = ballot.answered + (ballot.outcome === 'ok' ? 0 : APPENDED_WITHIN_MS);
  return ballot.invoked <= over && appended >= reachesFrom;
}

export function readSettled(history: readonly HistoryEvent[]): Settled[] {
  return history.filter((event) => event.type === 'settled');
}

/** When something was surely stopped: the faults that stop it, from `holds` to `heals`, joined where they overlap. */
export function stoppedSpans(faults: readonly AppliedFault[], what: 'accepting' | 'recording'): Span[] {
  return inForce(faults.filter(({ stops }) => stops.has(what)));
}

/** When result surely read nothing. */
export function blindSpans(faults: readonly AppliedFault[]): Span[] {
  return inForce(faults.filter(({ blinds }) => blinds));
}

function inForce(faults: readonly AppliedFault[]): Span[] {
  return join(
    faults
      .filter(({ holds }) => holds < Number.POSITIVE_INFINITY)
      .map(({ holds, heals }) => ({ from: holds, to: heals })),
  );
}

/** Whether a fault may keep everything from a page. The page's name has that of its replica before its poll. */
export function isDeafened(page: string, { deafens }: AppliedFault): boolean {
  return deafens?.includes(page.split('/').at(-2) ?? '') ?? false;
}

function join(spans: Span[]): Span[] {
  spans.sort((a, b) => a.from - b.from);
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else joined.push(span);
  }
  return joined;
}
