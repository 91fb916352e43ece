import type { Fault } from './fault.ts';

/** Entries that vote never wrote: another format, half a ballot, a copy with a total of its own choice. */
const FOREIGN: readonly string[][] = [
  ['hello', 'world'],
  ['v', '1'],
  ['v', '1', 'p', 'faults', 'n', '1', 'b', 'not ballots', 't', '1'],
  ['v', '999', 'p', 'faults', 'n', '1', 'b', '', 't', '99999999'],
  ['v', '1', 'p', 'no-such-poll', 'n', '0', 'b', '', 't', '0'],
  ['v', '1', 'p', 'faults\u0000', 'n', '-1', 'b', '\u0000\u0000', 't', 'NaN'],
];
const PARTITIONS = 4;

export const foreignEntries: Fault = {
  name: 'foreign-entries',
  about: 'somebody puts entries into the streams by hand, in the middle of batches',
  touches: ['redis'],
  holdMs: [200, 800],
  async inject({ system, random }) {
    const count = 12;
    for (let i = 0; i < count; i++) {
      const stream = `hbf:{${random.integer(0, PARTITIONS - 1)}}:ballots`;
      await system.redis.command('XADD', stream, '*', ...random.pick(FOREIGN));
    }
    return { heal: async () => {}, foreign: count };
  },
};

export const POISONED = 'o13';

/** Stands for any check that is missing before acceptance: PostgreSQL refuses what vote took. */
export const poisonedChoice: Fault = {
  name: 'poisoned-choice',
  about: 'PostgreSQL refuses one choice, so that single ballots in the middle of batches cannot be recorded',
  // What was answered before is processed first, which takes all of them.
  touches: ['worker', 'redis', 'postgres'],
  effects: { poisons: POISONED },
  holdMs: [1_000, 3_000],
  async inject({ system }) {
    const { query } = system.postgres;
    await query(
      `ALTER TABLE ballots ADD CONSTRAINT poisoned CHECK (NOT '${POISONED}' = ANY (choices)) NOT VALID`,
    );
    return {
      async heal() {
        await query('ALTER TABLE ballots DROP CONSTRAINT poisoned');
      },
    };
  },
};
