import { allAcceptedByRedis, postgresNow, untilEachAccepts } from '../processed.ts';
import type { Ability, System } from '../system/system.ts';
import { until } from '../until.ts';
import { acknowledgeLoss } from './acknowledge-loss.ts';
import { BALLOTS_FLOW, type Fault, type FaultContext, running } from './fault.ts';

type Loss = {
  name: string;
  about: string;
  needs?: readonly Ability[];
  /** What must be done while the workers still run. */
  prepare?(system: System): Promise<void>;
  /** Has Redis lose some of what is queued. */
  lose(context: FaultContext): Promise<unknown>;
};

/**
 * Lets accepted ballots queue up, has Redis lose some of them, and brings the workers back. This is what no program can
 * prevent, so it must be told: as drift, and by the receipts.
 */
const losing = ({ name, about, needs = [], prepare, lose }: Loss): Fault => ({
  name,
  about: `${about} while ballots are queued`,
  // Of vote too: one that is away would tell later what is missed, after the loss was acknowledged.
  touches: BALLOTS_FLOW,
  needs,
  // What Redis is left with is open for no run, or for another one, until a worker prepares it.
  effects: { loses: true, stops: ['accepting', 'recording'], storeAway: true },
  holdMs: [500, 7_500],
  async inject(context) {
    const { system, changed } = context;
    await prepare?.(system);
    await untilEachAccepts(system);
    const workers = running(system, 'worker');
    await Promise.all(workers.map((worker) => worker.kill()));
    const unread = await allAcceptedByRedis(system);
    await until('ballots are queued', async () => (await allAcceptedByRedis(system)) >= unread + 50);
    await lose(context);
    const since = await postgresNow(system);
    return {
      async heal() {
        await Promise.all(workers.map((worker) => worker.start()));
      },
      async afterwards() {
        const lost = await acknowledgeLoss(context, since);
        if (lost === 0 && !changed) throw new Error('the fault was to lose ballots, and none is missed');
      },
    };
  },
});

export const emptiedRedis = losing({
  name: 'emptied-redis',
  about: 'Redis is emptied',
  lose: ({ system }) => system.redis.command('FLUSHALL'),
});

/** Few ballots are queued then, maybe none: what is tried is that owners find out by themselves, and vote with them. */
export const emptiedUnderOwners: Fault = {
  name: 'emptied-redis-under-owners',
  about: 'Redis is emptied while voters vote and workers record',
  touches: BALLOTS_FLOW,
  // Owners may prepare their partitions again before anybody else has noticed.
  effects: { loses: true },
  // There is nothing to take back: the system recovers from the first moment.
  holdMs: [0, 200],
  async inject(context) {
    const { system } = context;
    await untilEachAccepts(system);
    await system.redis.command('FLUSHALL');
    const since = await postgresNow(system);
    return {
      async heal() {},
      async afterwards() {
        await acknowledgeLoss(context, since);
      },
    };
  },
};

export const cutTail = losing({
  name: 'cut-tail',
  about: "the end of Redis's append-only file is cut off",
  needs: ['redis-files'],
  async lose({ system: { redis }, random }) {
    await redis.kill();
    await redis.cutTail(random.integer(2_000, 12_000));
    await redis.start();
  },
});

export const rolledBack = losing({
  name: 'rolled-back-redis',
  about: 'Redis comes back with an older copy of its files',
  needs: ['redis-files'],
  async prepare({ redis }) {
    await redis.kill();
    await redis.keepCopy();
    await redis.start();
  },
  async lose({ system: { redis } }) {
    await redis.kill();
    await redis.rollBack();
    await redis.start();
  },
});
