import { expect, it } from 'vitest';
import { FAULTS_BY_NAME } from '../../src/faults/all.ts';
import type { Fault, FaultContext } from '../../src/faults/fault.ts';
import { cutTail, emptiedRedis, emptiedUnderOwners, rolledBack } from '../../src/faults/losing-redis.ts';
import { createRandom } from '../../src/random.ts';
import type { Replica, System } from '../../src/system/system.ts';

/**
 * A system of one partition in which voters never rest: each time that it is looked at, more is accepted. `lost` is what an operator finds missing.
 */
function fakeSystem({ lost = 7, changed = false } = {}) {
  const done: string[] = [];
  const state = { beaten: false };
  let accepted = 0;
  let acknowledged = 0;
  const replica = (app: 'vote' | 'worker') => {
    const self = {
      app,
      name: `${app}-1`,
      running: true,
      async kill() {
        self.running = false;
        done.push(`${app} killed`);
      },
      async start() {
        self.running = true;
        done.push(`${app} started`);
      },
      async metrics() {
        accepted += 1;
        return `ballots_accepted_total{poll="p"} ${accepted}\n`;
      },
    };
    return self;
  };
  const replicas = [replica('vote'), replica('worker')];
  const does = (what: string) => async () => void done.push(what);
  const system = {
    replicas: replicas as unknown as Replica[],
    redis: {
      kill: does('redis killed'),
      start: does('redis started'),
      cutTail: does('lost'),
      keepCopy: does('copied'),
      rollBack: does('lost'),
      async command(name: string) {
        if (name === 'FLUSHALL') done.push('lost');
        accepted += 30;
        return String(accepted);
      },
    },
    postgres: {
      async query(text: string) {
        if (text.includes('sum(lost)')) return [{ lost: acknowledged }];
        if (text.includes('heartbeat_at')) return [{ fresh: state.beaten }];
        if (text.includes('clock_timestamp')) return [{ now: 'now' }];
        if (text.includes('FROM system')) return [{ partitions: 1 }];
        return [{ partition: 0, accepted: String(accepted + 1_000) }];
      },
    },
    async workerCommand(name: string) {
      done.push(name);
      acknowledged += lost;
      return { code: 0, output: '' };
    },
  } as unknown as System;
  const context: FaultContext = {
    system,
    random: createRandom('a seed'),
    polls: [],
    changed,
    note() {},
    remark() {},
  };
  return { context, done, state, worker: replicas[1]! };
}

const LOSING = [cutTail, emptiedRedis, rolledBack, emptiedUnderOwners].map(
  (fault) => [fault.name, fault] as const,
);

it('knows every fault that loses ballots', () => {
  const declared = [...FAULTS_BY_NAME.values()]
    .filter(({ effects }) => effects?.loses)
    .map(({ name }) => name);
  expect(declared.sort()).toEqual(LOSING.map(([name]) => name).sort());
});

it.each(LOSING)(
  '%s has lost when it holds, and stops everything just where no worker runs',
  async (_, fault) => {
    const { context, done, worker } = fakeSystem();
    await fault.inject(context);
    expect(done.filter((what) => what === 'lost')).toHaveLength(1);
    expect(fault.effects?.stops ?? []).toEqual(worker.running ? [] : ['accepting', 'recording']);
  },
);

it.concurrent.each(LOSING)(
  '%s is healed before anything has recovered, and acknowledged once it has',
  async (_, fault) => {
    const { context, done, state, worker } = fakeSystem();
    const { heal, afterwards } = await fault.inject(context);
    await heal();
    expect(worker.running).toBe(true);
    const acknowledged = afterwards!();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(done).not.toContain('acknowledge-loss');
    state.beaten = true;
    await acknowledged;
    expect(done.filter((what) => what === 'acknowledge-loss')).toHaveLength(1);
  },
);

it('restarts Redis only where its files are needed', async () => {
  const injected = async (fault: Fault) => {
    const { context, done } = fakeSystem();
    await fault.inject(context);
    return done;
  };
  expect(await injected(emptiedRedis)).toEqual(['worker killed', 'lost']);
  expect(await injected(emptiedUnderOwners)).toEqual(['lost']);
});

it.concurrent('fails where nothing is missed of ballots that were queued, unless a mechanism is away that would tell', async () => {
  const acknowledge = async (fault: Fault, changed: boolean) => {
    const { context, state } = fakeSystem({ lost: 0, changed });
    const { heal, afterwards } = await fault.inject(context);
    await heal();
    state.beaten = true;
    await afterwards!();
  };
  await Promise.all([
    expect(acknowledge(cutTail, false)).rejects.toThrow('none is missed'),
    acknowledge(cutTail, true),
    acknowledge(emptiedUnderOwners, false),
  ]);
});
