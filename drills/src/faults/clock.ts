import type { AppName } from '../system/system.ts';
import { until } from '../until.ts';
import { type Fault, running } from './fault.ts';

const STEPS_MS = [-3_600_000, -20_000, -3_000, 3_000, 20_000, 3_600_000];

const stepClocks = (
  name: string,
  about: string,
  of: readonly (AppName | 'redis' | 'postgres')[] | undefined,
): Fault => ({
  name,
  about,
  touches: ['clock'],
  needs: ['clocks'],
  holdMs: [3_000, 6_000],
  async inject({ system, random, note }) {
    const step = random.pick(STEPS_MS);
    note(`stepped by ${step / 1_000} s`);
    await system.stepClock(step, of);
    return { heal: () => system.stepClock(0, of) };
  },
});

/** The last heartbeats lie in the future then. No page may take them for news. */
const aheadWithoutWorkers: Fault = {
  name: 'clock-ahead-then-no-worker',
  about: "PostgreSQL's clock is an hour ahead, every worker is killed, and then the clock is set right",
  touches: ['clock', 'worker', 'postgres', 'redis'],
  needs: ['clocks'],
  effects: { stops: ['recording'] },
  holdMs: [7_000, 8_500],
  async inject({ system }) {
    await system.stepClock(3_600_000, ['postgres']);
    await until('every heartbeat is of that time', async () => {
      const [row] = await system.postgres.query<{ ahead: boolean }>(
        `SELECT bool_and(heartbeat_at > $1::timestamptz + interval '30 min') AS ahead FROM partitions`,
        [new Date().toISOString()],
      );
      return row!.ahead;
    });
    const workers = running(system, 'worker');
    await Promise.all(workers.map((worker) => worker.kill()));
    await system.stepClock(0, ['postgres']);
    return {
      async heal() {
        await Promise.all(workers.map((worker) => worker.start()));
      },
    };
  },
};

export const clockFaults: readonly Fault[] = [
  stepClocks(
    'step-all-clocks',
    "the machine's wall clock is stepped, forth or back, and set right later",
    undefined,
  ),
  stepClocks('step-redis-clock', "the clock of Redis's machine alone is stepped", ['redis']),
  stepClocks('step-postgres-clock', "the clock of PostgreSQL's machine alone is stepped", ['postgres']),
  aheadWithoutWorkers,
  stepClocks('step-service-clocks', 'the clocks of the services alone are stepped', [
    'vote',
    'worker',
    'result',
  ]),
];
