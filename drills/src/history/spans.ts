import type { FaultEvent, HistoryEvent } from './events.ts';

/** A time in a drill (ms). `to` is Infinity for what never ended. */
export type Span = { from: number; to: number };

/** A fault as a whole: when each phase came (ms; Infinity where it never did), and what it declared in any of them. */
export type Fault = Pick<
  FaultEvent,
  'fault' | 'name' | 'loses' | 'traceless' | 'deafens' | 'poisons' | 'storeAway' | 'foreign'
> & {
  stops: ReadonlySet<string>;
  begins: number;
  holds: number;
  heals: number;
  healed: number;
};

export function readFaults(history: readonly HistoryEvent[]): Fault[] {
  const faults = new Map<number, Fault & { stops: Set<string> }>();
  for (const event of history) {
    if (event.type !== 'fault') continue;
    let fault = faults.get(event.fault);
    if (!fault) {
      const never = Number.POSITIVE_INFINITY;
      const { name } = event;
      fault = {
        fault: event.fault,
        name,
        stops: new Set(),
        begins: event.at,
        holds: never,
        heals: never,
        healed: never,
      };
      faults.set(event.fault, fault);
    }
    fault[event.phase] = event.at;
    for (const stopped of event.stops ?? []) fault.stops.add(stopped);
    if (event.loses) fault.loses = true;
    if (event.traceless) fault.traceless = true;
    if (event.deafens) fault.deafens = true;
    if (event.storeAway) fault.storeAway = true;
    if (event.poisons !== undefined) fault.poisons = event.poisons;
    if (event.foreign !== undefined) fault.foreign = Math.max(fault.foreign ?? 0, event.foreign);
  }
  return [...faults.values()];
}

/** When something was surely stopped: the faults that stop it, from `holds` to `heals`, joined where they overlap. */
export function stoppedSpans(faults: readonly Fault[], what: 'accepting' | 'recording'): Span[] {
  const spans = faults
    .filter(({ stops, holds }) => stops.has(what) && holds < Number.POSITIVE_INFINITY)
    .map(({ holds, heals }) => ({ from: holds, to: heals }))
    .sort((a, b) => a.from - b.from);
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else joined.push(span);
  }
  return joined;
}
