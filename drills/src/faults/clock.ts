import type { AppName } from '../system/system.ts';
import type { Fault } from './fault.ts';

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
  effects: { steps: true },
  holdMs: [3_000, 6_000],
  async inject({ system, random, note }) {
    const step = random.pick(STEPS_MS);
    note(`stepped by ${step / 1_000} s`);
    await system.stepClock(step, of);
    return { heal: () => system.stepClock(0, of) };
  },
});

export const clockFaults: readonly Fault[] = [
  stepClocks(
    'step-all-clocks',
    "the machine's wall clock is stepped, forth or back, and set right later",
    undefined,
  ),
  stepClocks('step-redis-clock', "the clock of Redis's machine alone is stepped", ['redis']),
  stepClocks('step-postgres-clock', "the clock of PostgreSQL's machine alone is stepped", ['postgres']),
  stepClocks('step-service-clocks', 'the clocks of the services alone are stepped', [
    'vote',
    'worker',
    'result',
  ]),
];
