import { untilEachAccepts } from '../processed.ts';
import { until } from '../until.ts';
import { BALLOTS_FLOW, type Fault } from './fault.ts';
import { PARTITIONS, putForeignEntry } from './foreign.ts';
import { whileQueueing } from './queue.ts';

const LOOK_EVERY_MS = 10;
const ENTRIES = 12;

/** Too few ballots come in a moment for a batch of several; so they are queued, and the entries among them. */
export const foreignEntries: Fault = {
  name: 'foreign-entries',
  about: 'somebody puts entries into the streams by hand, in the middle of batches',
  touches: BALLOTS_FLOW,
  holdMs: [200, 800],
  async inject({ system, random, note }) {
    await untilEachAccepts(system);
    await whileQueueing(system, async (queues) => {
      await until(
        'ballots are queued in every partition',
        async () => (await queues()).every((queue) => queue.length > 0),
        undefined,
        LOOK_EVERY_MS,
      );
      const put = Array.from({ length: ENTRIES }, async () => {
        const partition = random.integer(0, PARTITIONS - 1);
        return `${partition} ${await putForeignEntry(system, partition, random)}`;
      });
      const ids = new Set(await Promise.all(put));
      const queued = await until(
        'ballots are queued behind the foreign entries',
        async () => {
          const all = await queues();
          return all.every((queue, partition) => !ids.has(`${partition} ${queue.at(-1)!.id}`)) && all;
        },
        undefined,
        LOOK_EVERY_MS,
      );
      const lengths = queued.map((queue) => queue.length).join(', ');
      note(`the foreign entries have ballots before and behind them, in queues of ${lengths}`);
    });
    return { heal: async () => {}, foreign: ENTRIES };
  },
};

export const POISONED = 'o13';

/** As long as workers are stopped at a time (ms). Their sessions bear more: who owns what is not the point here. */
const STOPPED_FOR_MS = 800;

/** Stands for any check that is missing before acceptance: PostgreSQL refuses what vote took. */
export const poisonedChoice: Fault = {
  name: 'poisoned-choice',
  about: 'PostgreSQL refuses one choice, so that single ballots in the middle of batches cannot be recorded',
  // What was answered before is processed first, which takes all of them; then it waits for ballots.
  touches: BALLOTS_FLOW,
  effects: { poisons: POISONED },
  holdMs: [1_000, 3_000],
  async inject({ system, note }) {
    const { query } = system.postgres;
    await query(
      `ALTER TABLE ballots ADD CONSTRAINT poisoned CHECK (NOT '${POISONED}' = ANY (choices)) NOT VALID`,
    );
    const what = 'a poisoned ballot is queued between others';
    // Voters choose it now and then; where none did in that time, or none came behind it, there is another time.
    const length = await until(
      what,
      () =>
        whileQueueing(system, (queues) =>
          until(
            what,
            async () => (await queues()).find(isPoisonedInside)?.length,
            STOPPED_FOR_MS,
            LOOK_EVERY_MS,
          ),
        ),
      30_000,
      500,
    );
    note(`${what}, in a queue of ${length}`);
    return {
      async heal() {
        await query('ALTER TABLE ballots DROP CONSTRAINT poisoned');
      },
    };
  },
};

function isPoisonedInside(queue: readonly { text: string }[]): boolean {
  return queue.slice(1, -1).some(({ text }) => text.includes(`"${POISONED}"`));
}
