import { setTimeout as wait } from 'node:timers/promises';
import type { Ability, System } from '../system/system.ts';
import { until } from '../until.ts';
import { type Fault, type FaultContext, type Injected, running } from './fault.ts';
import { acceptedByRedis, untilProcessed } from './processed.ts';

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

/**
 * Lets accepted ballots queue up, then has Redis lose some of them, and brings the workers back. This is what no
 * program can prevent, so it must be told: as drift, and by the receipts.
 */
async function loseWhileQueued(
  { system, note, changed }: FaultContext,
  lose: () => Promise<void>,
): Promise<Injected> {
  const workers = running(system, 'worker');
  await system.redis.kill();
  if (system.lacks('redis-files') === undefined) await system.redis.keepCopy();
  await system.redis.start();
  const before = await acceptedByRedis(system);
  await until('every partition accepts ballots again', async () =>
    (await acceptedByRedis(system)).every((count, partition) => count > before[partition]!),
  );
  await Promise.all(workers.map((worker) => worker.kill()));
  const unread = await appended(system);
  await until('ballots are queued', async () => (await appended(system)) >= unread + 50);
  await lose();
  return {
    async heal() {
      await untilEachHasBeaten(system, () => Promise.all(workers.map((worker) => worker.start())));
      await untilEachHasReminded(system);
      await untilProcessed(system);
      const lostBefore = await lost(system);
      const { code, output } = await system.workerCommand('acknowledge-loss');
      if (code !== 0) throw new Error(`the loss could not be acknowledged (${code}): ${output}`);
      const count = (await lost(system)) - lostBefore;
      if (count === 0 && !changed) throw new Error('the fault was to lose ballots, and none is missed');
      note(`${count} ballots are lost: ${output.trim()}`);
    },
  };
}

async function lost({ postgres }: System): Promise<number> {
  const [row] = await postgres.query<{ lost: number }>('SELECT sum(lost)::int AS lost FROM partitions');
  return row!.lost;
}

/** As often as a vote process reminds a Redis that has lost ballots, twice (ms). */
const REMINDED_WITHIN_MS = 2_000;

/**
 * Waits until every vote process has told Redis what it had been told by it: what is missed is known then, and none
 * comes to light later.
 */
async function untilEachHasReminded(system: System): Promise<void> {
  const votes = running(system, 'vote');
  const counts = () =>
    Promise.all(
      votes.map(async (vote) => {
        const lines = (await vote.metrics()).matchAll(/^ballots_accepted_total(?:\{[^}]*\})? (\S+)$/gm);
        return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
      }),
    );
  const before = await counts();
  await until('every vote accepts ballots again', async () =>
    (await counts()).every((count, index) => count > before[index]!),
  );
  // One whose connection lasted reminds it by the clock.
  await wait(REMINDED_WITHIN_MS);
}

/** Redis's own count of accepted ballots. */
async function appended(system: System): Promise<number> {
  return (await acceptedByRedis(system)).reduce((sum, count) => sum + count, 0);
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

/** What has Redis lose some of what is queued. */
const losing = (
  name: string,
  about: string,
  needs: readonly Ability[],
  lose: (context: FaultContext) => Promise<unknown>,
): Fault => ({
  name,
  about: `${about} while ballots are queued`,
  // Of vote too: one that is away would tell later what is missed, after the loss was acknowledged.
  touches: ['vote', 'redis', 'worker', 'postgres', 'clock'],
  needs,
  effects: { loses: true },
  holdMs: [500, 1_500],
  inject: (context) => loseWhileQueued(context, async () => void (await lose(context))),
});

export const emptiedRedis = losing('emptied-redis', 'Redis is emptied', [], ({ system }) =>
  system.redis.command('FLUSHALL'),
);

export const cutTail = losing(
  'cut-tail',
  "the end of Redis's append-only file is cut off",
  ['redis-files'],
  async ({ system: { redis }, random }) => {
    await redis.kill();
    await redis.cutTail(random.integer(2_000, 12_000));
    await redis.start();
  },
);

export const rolledBack = losing(
  'rolled-back-redis',
  'Redis comes back with an older copy of its files',
  ['redis-files'],
  async ({ system: { redis } }) => {
    await redis.kill();
    await redis.rollBack();
    await redis.start();
  },
);
