import { setTimeout as wait } from 'node:timers/promises';
import type { Fault, FaultContext } from '../faults/fault.ts';
import type { Recorder } from '../history/recorder.ts';

/** Applies faults and takes them back, and writes down when. */
export type Nemesis = {
  /** Each fault so many times, in order; `recover` is awaited after each. */
  inTurn(faults: readonly Fault[], rounds: number, recover: () => Promise<void>): Promise<void>;
  /**
   * Faults drawn at random for `forMs`, several at once where they touch different parts. Now and then everything is
   * healed and `recover` awaited: a system that is never well proves nothing.
   */
  mixed(faults: readonly Fault[], forMs: number, recover: () => Promise<void>): Promise<void>;
};

/** A fault that holds at most so long (ms) before everything is healed once. */
const RECOVER_EVERY_MS = 40_000;

export function createNemesis(context: FaultContext, recorder: Recorder): Nemesis {
  let number = 0;
  const { random } = context;

  /** From the first moment to the last of one fault. */
  async function apply(fault: Fault, alone: boolean): Promise<void> {
    number += 1;
    const { storeAway, ...effects } = fault.effects ?? {};
    const named = {
      type: 'fault',
      fault: number,
      name: fault.name,
      ...effects,
      // Another fault may keep voters from vote at the same time, and then no answer comes in time.
      ...(storeAway && alone ? { storeAway } : {}),
    } as const;
    const [least, most] = fault.holdMs;
    const holdMs = random.integer(least, most);
    recorder.record({ ...named, phase: 'begins' });
    const { heal, foreign } = await fault.inject(context);
    recorder.record({ ...named, phase: 'holds', ...(foreign === undefined ? {} : { foreign }) });
    await wait(holdMs);
    recorder.record({ ...named, phase: 'heals' });
    await heal();
    recorder.record({ ...named, phase: 'healed' });
  }

  return {
    async inTurn(faults, rounds, recover) {
      for (let round = 0; round < rounds; round += 1) {
        for (const fault of faults) {
          await apply(fault, true);
          await recover();
        }
      }
    },

    async mixed(faults, forMs, recover) {
      const ends = performance.now() + forMs;
      // What changes something for good is used once.
      const left = new Set(faults);
      while (performance.now() < ends) {
        const recoverAt = Math.min(ends, performance.now() + RECOVER_EVERY_MS);
        const active = new Map<Fault, Promise<void>>();
        let failure: unknown;
        while (performance.now() < recoverAt && failure === undefined) {
          const touched = new Set([...active.keys()].flatMap(({ touches }) => touches));
          const possible = [...left].filter(({ touches }) => !touches.some((part) => touched.has(part)));
          const next = possible.length > 0 && active.size < 3 ? random.pick(possible) : undefined;
          if (next) {
            if (next.once) left.delete(next);
            const applied = apply(next, false).then(
              () => void active.delete(next),
              (error: unknown) => {
                failure = error;
              },
            );
            active.set(next, applied);
          }
          await wait(random.integer(500, 3_000));
        }
        await Promise.all(active.values());
        if (failure !== undefined) throw failure;
        await recover();
      }
    },
  };
}
