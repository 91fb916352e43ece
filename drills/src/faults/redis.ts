import { setTimeout as wait } from 'node:timers/promises';
import type { System } from '../system/system.ts';
import { until } from '../until.ts';
import { type Fault, type FaultContext, running } from './fault.ts';

export const killRedis: Fault = {
  name: 'kill-redis',
  about: 'Redis is killed with kill -9, and started again later',
  touches: ['redis'],
  effects: { stops: ['accepting', 'recording'], storeAway: true },
  holdMs: [300, 8_000],
  async inject({ system }) {
    await system.redis.kill();
    return { heal: () => system.redis.start() };
  },
};

export const pauseRedis: Fault = {
  name: 'pause-redis',
  about: 'Redis is stopped with SIGSTOP for 5 s and more',
  touches: ['redis'],
  effects: { stops: ['accepting', 'recording'], storeAway: true },
  holdMs: [5_000, 8_000],
  async inject({ system }) {
    await system.redis.pause();
    return { heal: () => system.redis.resume() };
  },
};

/** No worker is away: the queue is drained all the time, and a ballot gets through now and then. */
export const fullRedis: Fault = {
  name: 'full-redis',
  about: 'Redis is at its memory limit',
  touches: ['redis'],
  holdMs: [2_000, 5_000],
  async inject({ system }) {
    await system.redis.command('CONFIG', 'SET', 'maxmemory', '1');
    return {
      async heal() {
        await system.redis.command('CONFIG', 'SET', 'maxmemory', '0');
      },
    };
  },
};

/** What Redis cannot write it must not have acknowledged, whatever it does then: refuse, exit, or be killed. */
export const failingFile: Fault = {
  name: 'failing-file',
  about: 'the append-only file cannot grow any more (ulimit -f)',
  touches: ['redis'],
  needs: ['failing-file'],
  holdMs: [1_000, 3_000],
  async inject({ system, random, note }) {
    await system.redis.limitFiles(random.integer(0, 6_000));
    await wait(500);
    note(system.redis.running ? 'Redis runs on with a file that fails' : 'Redis ended when its file failed');
    return {
      async heal() {
        if (system.redis.running) await system.redis.unlimitFiles();
        // The limit was the process's own: the next one has none.
        if (!system.redis.running) await system.redis.start();
      },
    };
  },
};

/**
 * Lets accepted ballots queue up, then has Redis lose some of them, and brings the workers back. This is what no
 * program can prevent, so it must be told: as drift, and by the receipts.
 */
async function loseWhileQueued(
  { system, note }: FaultContext,
  lose: () => Promise<void>,
): Promise<{ heal(): Promise<void> }> {
  const workers = running(system, 'worker');
  await system.redis.kill();
  if (system.lacks('redis-files') === undefined) await system.redis.keepCopy();
  await system.redis.start();
  const before = await appended(system);
  await until('ballots are accepted again', async () => (await appended(system)) > before);
  await Promise.all(workers.map((worker) => worker.kill()));
  const unread = await appended(system);
  await until('ballots are queued', async () => (await appended(system)) >= unread + 50);
  await lose();
  return {
    async heal() {
      await untilEachHasBeaten(system, () => Promise.all(workers.map((worker) => worker.start())));
      const { output } = await system.workerCommand('acknowledge-loss');
      note(output.trim());
    },
  };
}

/** Redis's own count of accepted ballots. */
async function appended(system: System): Promise<number> {
  let sum = 0;
  for (let partition = 0; partition < 4; partition++) {
    sum += Number(await system.redis.command('HGET', `hbf:{${partition}}:state`, 'accepted'));
  }
  return sum;
}

/** Waits until every partition has an owner that has looked at what Redis holds, after `begin` was done. */
async function untilEachHasBeaten(system: System, begin: () => Promise<unknown>): Promise<void> {
  const [row] = await system.postgres.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  await begin();
  await until('every partition is carried', async () => {
    const rows = await system.postgres.query<{ fresh: boolean }>(
      'SELECT coalesce(heartbeat_at > $1::timestamptz, false) AS fresh FROM partitions',
      [row!.now],
    );
    return rows.every(({ fresh }) => fresh);
  });
}

const LOSES = { loses: true } as const;

export const emptiedRedis: Fault = {
  name: 'emptied-redis',
  about: 'Redis is emptied while ballots are queued',
  touches: ['redis', 'worker', 'postgres', 'clock'],
  effects: LOSES,
  holdMs: [500, 1_500],
  inject: (context) =>
    loseWhileQueued(context, async () => {
      await context.system.redis.command('FLUSHALL');
    }),
};

export const cutTail: Fault = {
  name: 'cut-tail',
  about: "the end of Redis's append-only file is cut off while ballots are queued",
  touches: ['redis', 'worker', 'postgres', 'clock'],
  needs: ['redis-files'],
  effects: LOSES,
  holdMs: [500, 1_500],
  inject: (context) =>
    loseWhileQueued(context, async () => {
      const { redis } = context.system;
      await redis.kill();
      await redis.cutTail(context.random.integer(1, 12_000));
      await redis.start();
    }),
};

export const rolledBack: Fault = {
  name: 'rolled-back-redis',
  about: 'Redis comes back with an older copy of its files while ballots are queued',
  touches: ['redis', 'worker', 'postgres', 'clock'],
  needs: ['redis-files'],
  effects: LOSES,
  holdMs: [500, 1_500],
  inject: (context) =>
    loseWhileQueued(context, async () => {
      const { redis } = context.system;
      await redis.kill();
      await redis.rollBack();
      await redis.start();
    }),
};
