import type { DrillPoll } from '../clients/polls.ts';
import type { FaultEvent } from '../history/events.ts';
import type { Random } from '../random.ts';
import type { Ability, AppName, Replica, System } from '../system/system.ts';

/** What a fault works on. */
export type FaultContext = {
  system: System;
  /** The choices of this one application: how many are drawn changes nothing for what comes later. */
  random: Random;
  /** As they are declared now; a fault that changes them for good changes this list. */
  polls: DrillPoll[];
  /** The system runs without one of its mechanisms: what goes unnoticed there is for the checker to find. */
  changed: boolean;
  /** The folder of a build with mutations, for faults that add such replicas. */
  build?: string | undefined;
  /** For the reader of the history. */
  note(text: string): void;
  /** The same, and for the reader of the report: what happened besides the fault. */
  remark(text: string): void;
};

/** What two faults cannot have at the same time: each would undo the other, or make its effects untrue. */
export type Part = AppName | 'redis' | 'postgres' | 'polls' | 'clock';

/** Faults that wait for a ballot to meet them touch whatever could keep ballots away. */
export const BALLOTS_FLOW: readonly Part[] = ['vote', 'worker', 'redis', 'postgres', 'clock'];

/** Something that goes wrong, and how it is taken back. */
export type Fault = {
  name: string;
  /** In one sentence, for the report. */
  about: string;
  touches: readonly Part[];
  needs?: readonly Ability[];
  /** It changes something for good, and can be applied once on a system. */
  once?: true;
  /** What is certain while it holds; the checker relies on it. */
  effects?: Pick<FaultEvent, 'stops' | 'loses' | 'poisons' | 'storeAway' | 'blinds'>;
  /** For how long it holds (ms): the rounds of a drill share the range, so that one of them is long. */
  holdMs: readonly [least: number, most: number];
  /**
   * Resolves when it is surely in force, with what heals it. Healing resolves when the part is back, not when the
   * system has recovered.
   */
  inject(context: FaultContext): Promise<Injected>;
};

/** A fault in force. What is declared here depends on whom it hit, and is told from `holds` on. */
export type Injected = Pick<FaultEvent, 'foreign' | 'deafens' | 'closes'> & {
  /** What must be seen before the time that it holds is counted. */
  untilShown?(): Promise<void>;
  heal(): Promise<void>;
  /** What an operator puts right once the part is back, as acknowledging a loss; awaited before the next fault in turn. */
  afterwards?(): Promise<void>;
};

/** The running replicas of an app. @throws if there is none, so that a fault never silently does nothing. */
export function running(system: System, app: AppName): Replica[] {
  const found = system.replicas.filter((replica) => replica.app === app && replica.running);
  if (found.length === 0) throw new Error(`no ${app} runs`);
  return found;
}
