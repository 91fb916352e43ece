import { untilAccepting } from '../processed.ts';
import type { System } from '../system/system.ts';
import { until } from '../until.ts';
import { BALLOTS_FLOW, type Fault, running } from './fault.ts';

/** How many commands this run of Redis has refused with an error. */
export async function refusals({ redis }: System, error: 'OOM' | 'MISCONF'): Promise<number> {
  const stats = String(await redis.command('INFO', 'errorstats'));
  return Number(new RegExp(`errorstat_${error}:count=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** No worker is away: the queue is drained all the time, and yet Redis is asked in vain. */
export const fullRedis: Fault = {
  name: 'full-redis',
  about: 'Redis is at its memory limit',
  touches: BALLOTS_FLOW,
  // Any Redis uses more than a byte, so that none takes another entry.
  effects: { stops: ['accepting'], storeAway: true },
  holdMs: [2_000, 5_000],
  async inject({ system }) {
    await untilAccepting(system);
    const before = await refusals(system, 'OOM');
    await system.redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await until('Redis refuses ballots', async () => (await refusals(system, 'OOM')) > before);
    return {
      async heal() {
        await system.redis.command('CONFIG', 'SET', 'maxmemory', '0');
      },
    };
  },
};

/** Resolves when Redis has met the limit of its file, with what it did then. */
async function failFile(system: System, bytes: number): Promise<string> {
  const before = await refusals(system, 'MISCONF');
  await system.redis.limitFiles(bytes);
  return await until('the file of Redis fails', async () => {
    if (!system.redis.running) return 'Redis ended when its file failed';
    return (await refusals(system, 'MISCONF')) > before && 'Redis runs on with a file that fails';
  });
}

/** What Redis cannot write it must not have acknowledged, whatever it does then: refuse, exit, or be killed. */
export const failingFile: Fault = {
  name: 'failing-file',
  about: 'the append-only file cannot grow any more (ulimit -f)',
  touches: BALLOTS_FLOW,
  needs: ['failing-file'],
  effects: { storeAway: true },
  holdMs: [1_000, 3_000],
  async inject({ system, random, note }) {
    await untilAccepting(system);
    note(await failFile(system, random.integer(0, 6_000)));
    return {
      async heal() {
        if (system.redis.running) await system.redis.unlimitFiles();
        // The limit was the process's own: the next one has none.
        if (!system.redis.running) await system.redis.start();
      },
    };
  },
};

/** Redis goes on with a file that it cannot write, and dies before anybody has read what it accepted. */
export const failingFileUnread: Fault = {
  name: 'failing-file-unread',
  about: 'no worker runs, the append-only file cannot grow, and then Redis is killed',
  touches: BALLOTS_FLOW,
  needs: ['failing-file'],
  effects: { stops: ['recording'], storeAway: true },
  holdMs: [500, 7_500],
  async inject({ system, note }) {
    await untilAccepting(system);
    const workers = running(system, 'worker');
    await Promise.all(workers.map((worker) => worker.kill()));
    note(await failFile(system, 0));
    return {
      async heal() {
        if (system.redis.running) await system.redis.kill();
        await system.redis.start();
        await Promise.all(workers.map((worker) => worker.start()));
      },
    };
  },
};
