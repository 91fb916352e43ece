import type { Redis } from 'ioredis';
import { compareEntryIds } from './entry-id.ts';
import { partitionKeys } from './keys.ts';
import { runScript } from './run-script.ts';
import { REMIND } from './scripts.ts';

/**
 * `opened`: the id at which the partition was opened when Redis told this total; `newest`: the id of the last entry that
 * it was told with.
 */
export type ToldTotal = { partition: number; opened: string; total: number; newest: string };

/**
 * The highest totals of accepted ballots, and ids of entries, that Redis told this process. They are the only memory
 * outside Redis of what was accepted after the last heartbeat.
 */
export type ToldTotals = {
  /** Takes in what Redis answered to an append. */
  learn(told: ToldTotal): void;
  /** Says which system Redis belongs to: totals of another one are forgotten. */
  belongTo(systemId: string): void;
  /**
   * Reminds Redis of totals and ids, where it has smaller ones (see REMIND). It may be done again at any time.
   * @throws what Redis throws, after all were tried.
   */
  handOver(redis: Redis, runId: string): Promise<void>;
};

export function createToldTotals(): ToldTotals {
  let system: string | undefined;
  /** By partition, one for each of its openings: those before the last must not be lost sight of before handed over. */
  const totals = new Map<number, ToldTotal[]>();
  return {
    learn(told) {
      const before = totals.get(told.partition) ?? [];
      const last = before.at(-1);
      if (last?.opened !== told.opened) {
        totals.set(told.partition, [...before, told]);
      } else {
        last.total = Math.max(last.total, told.total);
        if (compareEntryIds(told.newest, last.newest) > 0) last.newest = told.newest;
      }
    },
    belongTo(systemId) {
      if (system !== systemId) totals.clear();
      system = systemId;
    },
    async handOver(redis, runId) {
      const remind = async (told: ToldTotal) => {
        const { partition, opened, total, newest } = told;
        const keys = partitionKeys(partition);
        await runScript(redis, REMIND, [keys.ballots, keys.state], [runId, total, opened, newest]);
        const known = totals.get(partition) ?? [];
        if (known.at(-1) !== told) {
          totals.set(
            partition,
            known.filter((other) => other !== told),
          );
        }
      };
      const attempts = await Promise.allSettled([...totals.values()].flat().map(remind));
      const refused = attempts.find((attempt) => attempt.status === 'rejected');
      if (refused) throw refused.reason;
    },
  };
}
