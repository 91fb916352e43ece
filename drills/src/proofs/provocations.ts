import { setTimeout as wait } from 'node:timers/promises';
import { type Fault, type FaultContext, running } from '../faults/fault.ts';
import type { Replica } from '../system/system.ts';

/** Situations that only matter where a mechanism is missing. */

/** Voters vote, and that is all. */
export const nothing: Fault = {
  name: 'nothing',
  about: 'nothing happens',
  touches: [],
  holdMs: [2_000, 3_000],
  inject: async () => ({ heal: async () => {} }),
};

/** Workers of the changed build take over from the others, and both own every partition. */
export const twoOwners: Fault = {
  name: 'two-owners',
  about: 'two workers carry the same partitions',
  touches: ['worker'],
  holdMs: [3_000, 4_000],
  async inject(context) {
    const { heal } = await takeOver(context);
    return { heal };
  },
};

/** Each goes on, now and then, with what it had read before the other recorded it and more. */
export const twoOwnersInTurns: Fault = {
  ...twoOwners,
  name: 'two-owners-in-turns',
  about: 'two workers carry the same partitions, each stopped for a moment again and again',
  async inject(context) {
    const { owners, heal } = await takeOver(context);
    for (let turn = 0; turn < 12; turn += 1) {
      const owner = owners[turn % 2]!;
      await owner.pause();
      await wait(context.random.integer(250, 600));
      await owner.resume();
      await wait(100);
    }
    return { heal };
  },
};

async function takeOver({
  system,
  build,
}: FaultContext): Promise<{ owners: Replica[]; heal(): Promise<void> }> {
  const others = running(system, 'worker');
  await Promise.all(others.map((worker) => worker.kill()));
  const owners = [await add(), await add()];
  function add(): Promise<Replica> {
    return system.add('worker', build === undefined ? {} : { build });
  }
  return {
    owners,
    async heal() {
      for (const owner of owners) await system.remove(owner);
      await Promise.all(others.map((worker) => worker.start()));
    },
  };
}
