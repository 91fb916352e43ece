import type { Load } from '../clients/voters.ts';
import type { Fault } from '../faults/fault.ts';
import type { Ability, SystemOptions } from '../system/system.ts';

/** Voters vote on a system of the drill's own, faults are applied while they do, and then every ballot is checked. */
export type Drill = {
  name: string;
  /** In one sentence, for the report. */
  about: string;
  faults: readonly Fault[];
  /**
   * in-turn: each fault so many `rounds`, and the system recovers after each. mixed: drawn by the seed for `forMs`,
   * several at once wherever they do not touch the same part.
   */
  plan: { order: 'in-turn'; rounds: number } | { order: 'mixed'; forMs: number };
  load?: Load;
  system?: Pick<SystemOptions, 'votes' | 'workers' | 'results' | 'env' | 'redisSettings' | 'prepare'>;
  /** A real browser watches, too. */
  browser?: boolean;
};

/** Everything that a drill needs of a system to apply all its faults. */
export function needsOf(drill: Drill): Ability[] {
  return [
    ...new Set([...(drill.system?.prepare ?? []), ...drill.faults.flatMap(({ needs }) => needs ?? [])]),
  ];
}

/** Which of a drill's faults a system can have, and why not the others. */
export function possibleFaults(
  drill: Drill,
  lacks: (ability: Ability) => string | undefined,
): { faults: Fault[]; impossible: { fault: string; why: string }[] } {
  const faults: Fault[] = [];
  const impossible: { fault: string; why: string }[] = [];
  for (const fault of drill.faults) {
    const why = fault.needs?.map(lacks).find((reason) => reason !== undefined);
    if (why === undefined) faults.push(fault);
    else impossible.push({ fault: fault.name, why });
  }
  return { faults, impossible };
}

const MINUTE_MS = 60_000;

/**
 * How long a drill may take as a whole (ms), start and check included: several times what it takes on a slow machine. One
 * that takes longer hangs.
 */
export function longestMs({ plan, faults }: Drill): number {
  if (plan.order === 'mixed') return plan.forMs + 5 * MINUTE_MS;
  return 3 * MINUTE_MS + faults.length * plan.rounds * 1.5 * MINUTE_MS;
}
