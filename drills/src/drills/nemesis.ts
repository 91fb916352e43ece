import { readPartitions } from '../clients/final-state.ts';
import type { Fault, FaultContext, Injected } from '../faults/fault.ts';
import type { Recorder } from '../history/recorder.ts';
import { untilProcessed } from '../processed.ts';
import { chooseNext } from './choose.ts';
import { REAL_TIME, type Time } from './time.ts';

/** Applies faults and takes them back, and writes down when. */
export type Nemesis = {
  /**
   * Each fault so many times, in order, held longer from round to round; `recover` is awaited after each. In the last
   * round each of which pages must tell holds for so long that they must have.
   */
  inTurn(faults: readonly Fault[], rounds: number, recover: () => Promise<void>): Promise<void>;
  /**
   * Faults drawn at random for `forMs`, several at once where they touch different parts (see choose.ts); those that
   * change something for good in the last third only. Now and then everything is healed and `recover` awaited: a system that is never
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

/** Pages say what is wrong within 6 s. A fault that is over by then asks nothing of them (ms). */
export const UNTIL_PAGES_TELL_MS = 6_500;

/** For how long a fault is to hold: a part of its range of times, by the round, and no less than `atLeastMs`. */
type Hold = { of: number; index: number; atLeastMs: number };

const ANY: Hold = { of: 1, index: 0, atLeastMs: 0 };

export function createNemesis(context: FaultContext, recorder: Recorder, time: Time = REAL_TIME): Nemesis {
  const { system, random } = context;
  const { now, wait } = time;
  let number = 0;

  /** What was answered before is no part of a loss that comes now: the books are to be right without it. */
  async function settle(): Promise<void> {
    const since = recorder.now();
    await untilProcessed(system);
    recorder.record({ type: 'settled', since, partitions: await readPartitions(system) });
  }

  /** From the first moment to the last of one fault. */
  async function apply(fault: Fault, hold: Hold): Promise<void> {
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
    const part = own.fraction();
    if (effects?.loses || effects?.poisons !== undefined) await settle();
    recorder.record({ ...named, phase: 'begins' });
    const { heal, untilShown, afterwards, ...told } = await fault.inject({ ...context, random: own });
    recorder.record({ ...named, ...told, phase: 'holds' });
    const held = now();
    await untilShown?.();
    const atLeastMs = mustBeTold(fault, told) ? hold.atLeastMs - (now() - held) : 0;
    await wait(drawHold(fault, part, { ...hold, atLeastMs }));
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
          const atLeastMs = round === rounds - 1 ? UNTIL_PAGES_TELL_MS : 0;
          await apply(fault, { of: rounds, index: round, atLeastMs });
          await recover();
        }
      }
    },

    async mixed(faults, forMs, recover) {
      const began = now();
      const ends = began + forMs;
      const hadBefore = new Set<Fault>();
      while (now() < ends) {
        const recoverAt = Math.min(ends, now() + RECOVER_EVERY_MS);
        const applied = new Map<Fault, Promise<void>>();
        let failure: unknown;
        while (now() < recoverAt && failure === undefined) {
          const late = now() > began + (forMs * 2) / 3;
          const possible = faults.filter((fault) => !fault.once || (late && !hadBefore.has(fault)));
          const next = chooseNext(possible, [...applied.keys()], hadBefore, random);
          if (next) {
            hadBefore.add(next);
            const done = apply(next, ANY).then(
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

/** Whether pages must say that something is wrong while it holds. */
function mustBeTold({ effects }: Fault, { deafens }: Pick<Injected, 'deafens'>): boolean {
  return Boolean(effects?.stops?.includes('recording') || effects?.blinds || deafens);
}

/** @param part from 0 to 1: where in its part of the range. */
function drawHold({ holdMs: [least, most] }: Fault, part: number, { of, index, atLeastMs }: Hold): number {
  const [from, to] = [index, index + 1].map((round) => least + ((most - least) * round) / of);
  const shortest = Math.max(from!, atLeastMs);
  return shortest + Math.max(0, to! - shortest) * part;
}
