import { expect, it, vi } from 'vitest';
import { untilRecoveredOrStopped } from '../../src/system/recovered-or-stopped.ts';

const postgres = (isRunning: boolean, answers: () => Promise<unknown>) => ({
  isRunning: () => isRunning,
  answers,
  stop: vi.fn(async () => {}),
});
const refuses = async () => {
  throw new Error('the database system is not yet accepting connections');
};

it('a PostgreSQL that answers again, or has ended by itself, is not stopped', async () => {
  const well = postgres(true, async () => {});
  const gone = postgres(false, refuses);
  expect(await Promise.all([untilRecoveredOrStopped(well), untilRecoveredOrStopped(gone)])).toEqual([
    false,
    false,
  ]);
  expect(well.stop).not.toHaveBeenCalled();
  expect(gone.stop).not.toHaveBeenCalled();
});

it('a PostgreSQL that runs and never recovers is stopped, and that is told', async () => {
  const hangs = postgres(true, refuses);
  expect(await untilRecoveredOrStopped(hangs)).toBe(true);
  expect(hangs.stop).toHaveBeenCalledOnce();
});
