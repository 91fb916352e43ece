import { setTimeout as wait } from 'node:timers/promises';
import { readPartitions } from '../clients/final-state.ts';
import type { Fault, FaultContext } from '../faults/fault.ts';
import type { Recorder } from '../history/recorder.ts';
import { untilProcessed } from '../processed.ts';

/** Applies faults and takes them back, and writes down when. */
export type Nemesis = {
  /** Each fault so many times, in order, held longer from round to round; `recover` is awaited after each. */
  inTurn(faults: readonly Fault[], rounds: number, recover: () => Promise<void>): Promise<void>;
  /**
   * Faults drawn at random for `forMs`, several at once where they touch different parts; those that change something
   * for good in the last third only. Now and then everything is healed and `recover` awaited: a system that is never
   * well proves nothing.
   */
  mixed(faults: readonly Fault[], forMs: number, recover: () => Promise<void>): Promise<void>;
};

/** For so long (ms) faults are drawn; then all are healed, and the system is to recover before the next ones. */
const RECOVER_EVERY_MS = 40_000;

/**
 * In turn, a fault comes up to so long (ms) after its turn has: else it would always meet a system that has just become
 * live, and loops that run by the second at much the same point.
 */
const WAIT_AT_MOST_MS = 1_000;

export function createNemesis(context: FaultContext, recorder: Recorder): Nemesis {
  const { system, random } = context;
  let number = 0;

  /** What was answered before is no part of a loss that comes now: the books are to be right without it. */
  async function settle(): Promise<void> {
    const since = recorder.now();
    await untilProcessed(system);
    recorder.record({ type: 'settled', since, partitions: await readPartitions(system) });
  }

  /** From the first moment to the last of one fault. `part` says which part of the range of times it holds. */
  async function apply(fault: Fault, part: { of: number; index: number }): Promise<void> {
    number += 1;
    // Of its own: a fault that draws as often as time allows does not shift what the next ones draw.
    const own = random.fork(`${number} ${fault.name}`);
    const { effects } = fault;
    const named = {
      type: 'fault',
      fault: number,
      name: fault.name,
      ...effects,
      ...(fault.touches.includes('vote') && { touchesVote: true as const }),
    } as const;
    const [least, most] = fault.holdMs;
    const holdMs = least + ((most - least) * (part.index + own.fraction())) / part.of;
    if (effects?.loses || effects?.poisons !== undefined) await settle();
    recorder.record({ ...named, phase: 'begins' });
    const { heal, untilShown, afterwards, ...told } = await fault.inject({ ...context, random: own });
    recorder.record({ ...named, ...told, phase: 'holds' });
    await untilShown?.();
    await wait(holdMs);
    recorder.record({ ...named, ...told, phase: 'heals' });
    await heal();
    recorder.record({ ...named, ...told, phase: 'healed' });
    await afterwards?.();
    // Whatever was lost is acknowledged by now, and nothing may be missing any more.
    if (effects?.loses) await settle();
  }

  return {
    async inTurn(faults, rounds, recover) {
      for (let round = 0; round < rounds; round += 1) {
        for (const fault of faults) {
          await wait(random.integer(0, WAIT_AT_MOST_MS));
          await apply(fault, { of: rounds, index: round });
          await recover();
        }
      }
    },

    async mixed(faults, forMs, recover) {
      const began = performance.now();
      const ends = began + forMs;
      // What changes something for good is used once.
      const left = new Set(faults);
      while (performance.now() < ends) {
        const recoverAt = Math.min(ends, performance.now() + RECOVER_EVERY_MS);
        const applied = new Map<Fault, Promise<void>>();
        let failure: unknown;
        while (performance.now() < recoverAt && failure === undefined) {
          const touched = new Set([...applied.keys()].flatMap(({ touches }) => touches));
          const late = performance.now() > began + (forMs * 2) / 3;
          const possible = [...left].filter(
            ({ touches, once }) => (late || !once) && !touches.some((part) => touched.has(part)),
          );
          const next = possible.length > 0 && applied.size < 3 ? random.pick(possible) : undefined;
          if (next) {
            if (next.once) left.delete(next);
            const done = apply(next, { of: 1, index: 0 }).then(
              () => void applied.delete(next),
              (error: unknown) => {
                failure = error;
              },
            );
            applied.set(next, done);
          }
          await wait(random.integer(500, 3_000));
        }
        await Promise.all(applied.values());
        if (failure !== undefined) throw failure;
        await recover();
      }
    },
  };
}
