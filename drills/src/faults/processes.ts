import { STEPS, type Step } from '@hbf/worker/failpoint';
import type { AppName, Replica, System } from '../system/system.ts';
import { until } from '../until.ts';
import { type Fault, running } from './fault.ts';

const APPS: readonly AppName[] = ['vote', 'worker', 'result'];

/** Pages of a result that is away hear nothing. */
const deafening = (app: AppName): Pick<Fault, 'effects'> =>
  app === 'result' ? { effects: { deafens: true } } : {};

/** kill -9 of one replica. */
export const killOne = (app: AppName): Fault => ({
  name: `kill-${app}`,
  about: `one ${app} is killed with kill -9`,
  touches: [app],
  ...deafening(app),
  holdMs: [300, 3_000],
  async inject({ system, random }) {
    const victim = random.pick(running(system, app));
    await victim.kill();
    return { heal: () => startAgain([victim]) };
  },
});

/** SIGSTOP of one replica, for longer and shorter than its sessions last. */
export const pauseOne = (app: AppName): Fault => ({
  name: `pause-${app}`,
  about: `one ${app} is stopped with SIGSTOP, and goes on later`,
  touches: [app],
  ...deafening(app),
  holdMs: [500, 5_000],
  async inject({ system, random }) {
    const victim = random.pick(running(system, app));
    await victim.pause();
    return { heal: () => victim.resume() };
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
  async inject({ system, random }) {
    const victim = await system.add('worker', {
      env: { HBF_FAILPOINT: `${step}@${random.integer(1, 8)}` },
    });
    await until('the worker has died of its failpoint', () => !victim.running, 30_000);
    return { heal: () => system.remove(victim) };
  },
});

export const killAtSteps: readonly Fault[] = STEPS.map(killAtStep);

/** SIGTERM of every service while voters vote. Each must end by itself, in time, with nothing lost. */
export const stopEverything: Fault = {
  name: 'stop-everything',
  about: 'every service is stopped with SIGTERM and started again',
  touches: ['vote', 'worker', 'result'],
  effects: { stops: ['accepting', 'recording'], deafens: true },
  holdMs: [300, 2_000],
  async inject({ system }) {
    const all = APPS.flatMap((app) => running(system, app));
    await Promise.all(all.map((replica) => replica.stop()));
    return { heal: () => startAgain(all) };
  },
};

/** Every second one worker joins and another leaves, by SIGTERM or kill -9. */
export const comingAndGoing: Fault = {
  name: 'workers-come-and-go',
  about: 'every second a worker joins and another leaves, stopped or killed',
  touches: ['worker'],
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
        await Promise.all(left.map((worker) => worker.untilReady()));
      },
    };
  },
};

/** Five workers share four partitions: one has none, and takes over when another is killed. */
export const fiveWorkers: Fault = {
  name: 'five-workers',
  about: 'five workers share the partitions, and owners are killed',
  touches: ['worker'],
  holdMs: [2_000, 4_000],
  async inject({ system, random }) {
    const extra: Replica[] = [];
    while (running(system, 'worker').length < 5) extra.push(await system.add('worker'));
    await until('five workers own all partitions', () =>
      ownedPartitions(system).then((owned) => owned === 4),
    );
    const victim = random.pick(running(system, 'worker').filter((worker) => !extra.includes(worker)));
    await victim.kill();
    return {
      async heal() {
        await startAgain([victim]);
        for (const worker of extra) {
          await worker.stop();
          await system.remove(worker);
        }
      },
    };
  },
};

async function ownedPartitions(system: System): Promise<number> {
  const texts = await Promise.all(running(system, 'worker').map((worker) => worker.metrics()));
  return texts.reduce((sum, text) => sum + Number(/^ballot_partitions_owned (\d+)/m.exec(text)?.[1] ?? 0), 0);
}

async function startAgain(replicas: readonly Replica[]): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.start()));
}
