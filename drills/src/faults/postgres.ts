import { untilAccepting } from '../processed.ts';
import { until } from '../until.ts';
import { BALLOTS_FLOW, type Fault } from './fault.ts';
import { refusals } from './refusing-redis.ts';

export const killPostgres: Fault = {
  name: 'kill-postgres',
  about: 'PostgreSQL is killed with kill -9, and started again later',
  touches: ['postgres'],
  effects: { stops: ['recording'], storeAway: true },
  holdMs: [300, 9_000],
  async inject({ system }) {
    await system.postgres.kill();
    return { heal: () => system.postgres.start() };
  },
};

export const stopPostgres: Fault = {
  name: 'stop-postgres',
  about: 'PostgreSQL is stopped at once (immediate shutdown)',
  touches: ['postgres'],
  effects: { stops: ['recording'], storeAway: true },
  holdMs: [300, 9_000],
  async inject({ system }) {
    await system.postgres.stop();
    return { heal: () => system.postgres.start() };
  },
};

export const stopPostgresFast: Fault = {
  name: 'stop-postgres-fast',
  about: 'PostgreSQL is shut down in order, and ends every session (fast shutdown)',
  touches: ['postgres'],
  effects: { stops: ['recording'], storeAway: true },
  holdMs: [300, 9_000],
  async inject({ system }) {
    await system.postgres.stop('fast');
    return { heal: () => system.postgres.start() };
  },
};

export const pausePostgres: Fault = {
  name: 'pause-postgres',
  about: 'PostgreSQL is stopped with SIGSTOP, and goes on later',
  touches: ['postgres'],
  effects: { stops: ['recording'], storeAway: true },
  holdMs: [4_000, 9_000],
  async inject({ system }) {
    await system.postgres.pause();
    return { heal: () => system.postgres.resume() };
  },
};

/** In force once a write was refused: its log keeps nothing in reserve then, and cannot grow (see the system's settings). */
export const fullDisk: Fault = {
  name: 'full-disk',
  about: "PostgreSQL's file system is full",
  touches: ['postgres'],
  needs: ['full-disk'],
  effects: { stops: ['recording'], storeAway: true },
  holdMs: [5_000, 9_000],
  async inject({ system, remark }) {
    await system.postgres.fillDisk();
    // More than what is left of the last block of its log.
    const write = () =>
      system.postgres.query("SELECT pg_logical_emit_message(true, 'drills', repeat('-', 100000))");
    await until('PostgreSQL cannot write', () =>
      write().then(
        () => false,
        () => true,
      ),
    );
    return {
      async heal() {
        const { hung } = await system.postgres.freeDisk();
        if (hung) remark('PostgreSQL did not recover once its disk had room again, and was stopped');
        if (!system.postgres.running) await system.postgres.start();
      },
    };
  },
};

/** Room for some seconds of ballots, and for what Redis needs besides. */
const ROOM_BYTES = 400_000;

/** The queue grows until Redis refuses: no accepted ballot may go, and when PostgreSQL is back all are recorded. */
export const awayUntilRedisIsFull: Fault = {
  name: 'away-until-full',
  about: "PostgreSQL is away until the queue reaches Redis's memory limit",
  touches: BALLOTS_FLOW,
  effects: { stops: ['recording'], storeAway: true },
  holdMs: [1_000, 2_000],
  async inject({ system, note }) {
    // Were the partitions not open, nothing could fill it while PostgreSQL is away.
    await untilAccepting(system);
    await system.postgres.stop();
    const info = String(await system.redis.command('INFO', 'memory'));
    const used = Number(/used_memory:(\d+)/.exec(info)![1]);
    await system.redis.command('CONFIG', 'SET', 'maxmemory', String(used + ROOM_BYTES));
    const before = await refusals(system, 'OOM');
    return {
      // Voters are to be answered in time from when PostgreSQL is away, and all the while that the queue grows.
      async untilShown() {
        await until('Redis refuses ballots', async () => (await refusals(system, 'OOM')) > before, 90_000);
        note('Redis refuses ballots: the queue has reached its limit');
      },
      async heal() {
        await system.postgres.start();
        await system.redis.command('CONFIG', 'SET', 'maxmemory', '0');
      },
    };
  },
};

export const bothStores: Fault = {
  name: 'both-stores',
  about: 'both stores are killed at once, and started again in either order',
  touches: ['postgres', 'redis'],
  effects: { stops: ['accepting', 'recording'], storeAway: true },
  holdMs: [300, 8_000],
  async inject({ system, random }) {
    await Promise.all([system.redis.kill(), system.postgres.kill()]);
    const order = random.fraction() < 0.5 ? ['redis', 'postgres'] : ['postgres', 'redis'];
    return {
      async heal() {
        for (const store of order as ('redis' | 'postgres')[]) await system[store].start();
      },
    };
  },
};
