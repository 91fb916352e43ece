import { z } from 'zod';

/**
 * The steps of a batch, in order; `rejected` is reached only where something is. The worker can be made to die or stop
 * right after any of them.
 */
export const STEPS = [
  'read',
  'begun',
  'moved',
  'recorded',
  'rejected',
  'notified',
  'committed',
  'trimmed',
] as const;
export type Step = (typeof STEPS)[number];

/** After the `occurrence`-th time of `step`: kill -9 itself, or stop itself as SIGSTOP does. */
export type Failpoint = { step: Step; occurrence: number; signal: 'SIGKILL' | 'SIGSTOP' };

/** `HBF_FAILPOINT=<step>[@<occurrence>][=kill|stop]`, for tests of faults. */
export const failpointSetting = z
  .string()
  .regex(
    new RegExp(`^(${STEPS.join('|')})(@[1-9]\\d{0,8})?(=(kill|stop))?$`),
    `must be <step>[@<occurrence>][=kill|stop] with a step of ${STEPS.join(', ')}`,
  )
  .transform((value): Failpoint => {
    const [, step, , occurrence, , action] = /^(\w+)(@(\d+))?(=(kill|stop))?$/.exec(value)!;
    return {
      step: step as Step,
      occurrence: Number(occurrence ?? 1),
      signal: action === 'stop' ? 'SIGSTOP' : 'SIGKILL',
    };
  });

export type Reach = (step: Step) => void;

/** @returns a function that each step calls; it does nothing unless the failpoint is set. */
export function createFailpoint(failpoint: Failpoint | undefined): Reach {
  let reached = 0;
  return (step) => {
    if (step !== failpoint?.step) return;
    reached += 1;
    if (reached === failpoint.occurrence) process.kill(process.pid, failpoint.signal);
  };
}
