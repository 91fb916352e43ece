import { setTimeout as wait } from 'node:timers/promises';
import { STEPS, type Step } from '@hbf/worker/failpoint';
import { ownedPartitions } from '../system/owned-partitions.ts';
import type { AppName, Replica } from '../system/system.ts';
import { until } from '../until.ts';
import { type Fault, type FaultContext, type Injected, running } from './fault.ts';
import { PARTITIONS, putForeignEntry } from './foreign.ts';

const APPS: readonly AppName[] = ['vote', 'worker', 'result'];

/** Pages of a result that is away hear nothing: long enough, in some rounds, for them to say so. */
const LONG_ENOUGH_MS = 9_000;
/** Voters give up after 5 s: a vote that goes on later holds ballots whose voters have left. */
const BEYOND_PATIENCE_MS = 8_000;
const PAUSED_FOR_MS: Record<AppName, number> = {
  vote: BEYOND_PATIENCE_MS,
  worker: 5_000,
  result: LONG_ENOUGH_MS,
};
const deafens = (replicas: readonly Replica[]): Pick<Injected, 'deafens'> => {
  const results = replicas.filter(({ app }) => app === 'result').map(({ name }) => name);
  return results.length > 0 ? { deafens: results } : {};
};

/** kill -9 of one replica. */
export const killOne = (app: AppName): Fault => ({
  name: `kill-${app}`,
  about: `one ${app} is killed with kill -9`,
  touches: [app],
  holdMs: [300, app === 'result' ? LONG_ENOUGH_MS : 3_000],
  async inject({ system, random }) {
    const victim = random.pick(running(system, app));
    await victim.kill();
    return { ...deafens([victim]), heal: () => startAgain([victim]) };
  },
});

/** SIGSTOP of one replica, for longer and shorter than its sessions last. */
export const pauseOne = (app: AppName): Fault => ({
  name: `pause-${app}`,
  about: `one ${app} is stopped with SIGSTOP, and goes on later`,
  touches: [app],
  holdMs: [500, PAUSED_FOR_MS[app]],
  async inject({ system, random }) {
    const victim = random.pick(running(system, app));
    await victim.pause();
    return { ...deafens([victim]), heal: () => victim.resume() };
  },
});

/** kill -9 of every worker, for so long that pages must notice it. */
export const killWorkers: Fault = {
  name: 'kill-workers',
  about: 'every worker is killed with kill -9',
  touches: ['worker'],
  effects: { stops: ['recording'] },
  holdMs: [7_000, 8_500],
  async inject({ system }) {
    const victims = running(system, 'worker');
    await Promise.all(victims.map((victim) => victim.kill()));
    return { heal: () => startAgain(victims) };
  },
};

/** A worker of its own joins, and dies right after one step of a batch. */
export const killAtStep = (step: Step): Fault => ({
  name: `kill-at-${step}`,
  about: `a worker is killed right after the step "${step}" of a batch`,
  // It would wait in vain for a batch while a store is away.
  touches: ['worker', 'redis', 'postgres'],
  needs: ['failpoints'],
  holdMs: [100, 1_500],
  async inject(context) {
    const { system, random } = context;
    const victim = await system.add('worker', {
      env: { HBF_FAILPOINT: `${step}@${random.integer(1, 8)}` },
    });
    // Nothing that voters send is ever rejected.
    const foreign = step === 'rejected' ? await putEntriesUntilGone(victim, context) : undefined;
    await until('the worker has died of its failpoint', () => !victim.running, DIES_WITHIN_MS);
    return { heal: () => system.remove(victim), ...(foreign !== undefined && { foreign }) };
  },
});

const DIES_WITHIN_MS = 30_000;

/** Puts an entry into every stream by hand, and the next ones once all are found, until the worker is gone; how many. */
async function putEntriesUntilGone(worker: Replica, { system, random }: FaultContext): Promise<number> {
  const found = async () => {
    const [row] = await system.postgres.query<{ found: number }>(
      'SELECT sum(foreign_entries)::int AS found FROM partitions',
    );
    return row!.found;
  };
  const before = await found();
  const deadline = performance.now() + DIES_WITHIN_MS;
  let put = 0;
  while (worker.running && performance.now() < deadline) {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await putForeignEntry(system, partition, random);
      put += 1;
    }
    await until(
      'the foreign entries are found, or the worker is gone',
      async () => !worker.running || (await found()) >= before + put,
    );
  }
  return put;
}

export const killAtSteps: readonly Fault[] = STEPS.map(killAtStep);

/** SIGTERM of every service while voters vote. Each must end by itself, in time, with nothing lost. */
export const stopServices: Fault = {
  name: 'stop-services',
  about: 'every service is stopped with SIGTERM and started again',
  touches: ['vote', 'worker', 'result'],
  effects: { stops: ['accepting', 'recording'] },
  holdMs: [300, LONG_ENOUGH_MS],
  async inject({ system }) {
    const all = APPS.flatMap((app) => running(system, app));
    await Promise.all(all.map((replica) => replica.stop()));
    return { ...deafens(all), heal: () => startAgain(all) };
  },
};

/** As when the machine is shut down: services lose the stores while they end in order, and meet them starting later. */
export const stopEverything: Fault = {
  name: 'stop-everything',
  about: 'every service and both stores are shut down at the same time, and started again',
  touches: ['vote', 'worker', 'result', 'redis', 'postgres'],
  effects: { stops: ['accepting', 'recording'] },
  holdMs: [300, LONG_ENOUGH_MS],
  async inject({ system }) {
    const { redis, postgres } = system;
    const all = APPS.flatMap((app) => running(system, app));
    await Promise.all([...all.map((replica) => replica.stop()), redis.stop(), postgres.stop('fast')]);
    return {
      ...deafens(all),
      async heal() {
        await Promise.all([startAgain(all), redis.start(), postgres.start()]);
      },
    };
  },
};

/** Every second one worker joins and another leaves, by SIGTERM or kill -9. */
export const comingAndGoing: Fault = {
  name: 'workers-come-and-go',
  about: 'every second a worker joins and another leaves, stopped or killed',
  // None that joins is ready while a store is away.
  touches: ['worker', 'redis', 'postgres'],
  holdMs: [6_000, 10_000],
  async inject({ system, random }) {
    const before = running(system, 'worker').length;
    let ended = false;
    const rounds = (async () => {
      while (!ended) {
        const second = new Promise((resolve) => setTimeout(resolve, 1_000));
        const leaver = random.pick(running(system, 'worker'));
        await system.add('worker');
        if (random.fraction() < 0.5) await leaver.stop();
        await system.remove(leaver);
        await second;
      }
    })();
    // Healing meets the failure; nobody else would hear of it before.
    rounds.catch(() => {});
    return {
      async heal() {
        ended = true;
        await rounds;
        const left = running(system, 'worker');
        if (left.length !== before) throw new Error(`${left.length} workers are left of ${before}`);
      },
    };
  },
};

/** Five workers share four partitions: one has none, and takes over when another is killed. */
export const fiveWorkers: Fault = {
  name: 'five-workers',
  about: 'five workers share the partitions, and an owner is killed',
  // Nothing is shared while a store is away.
  touches: ['worker', 'redis', 'postgres'],
  holdMs: [2_000, 4_000],
  async inject({ system, random }) {
    const extra: Replica[] = [];
    while (running(system, 'worker').length < 5) extra.push(await system.add('worker'));
    const owners = await until(
      'four of five workers own a partition each',
      async () => {
        const workers = running(system, 'worker');
        const owned = await Promise.all(workers.map(ownedPartitions));
        return owned.filter((count) => count === 1).length === 4
          ? workers.filter((_, index) => owned[index] === 1)
          : undefined;
      },
      40_000,
    );
    const victim = random.pick(owners);
    await victim.kill();
    return {
      async heal() {
        if (!extra.includes(victim)) await victim.start();
        for (const worker of extra) {
          if (worker.running) await worker.stop();
          await system.remove(worker);
        }
      },
    };
  },
};

/** Each freezes for less than its session lives: it owns its partitions still, and goes on with what it had read. */
export const pauseShortly: Fault = {
  name: 'pause-workers-shortly',
  about: 'one worker after the other is stopped with SIGSTOP for a moment, again and again',
  touches: ['worker'],
  holdMs: [500, 1_000],
  async inject({ system, random }) {
    const workers = running(system, 'worker');
    for (let turn = 0; turn < 8; turn += 1) {
      const worker = workers[turn % workers.length]!;
      await worker.pause();
      await wait(random.integer(100, 600));
      await worker.resume();
      await wait(random.integer(0, 200));
    }
    return { heal: async () => {} };
  },
};

async function startAgain(replicas: readonly Replica[]): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.start()));
}
