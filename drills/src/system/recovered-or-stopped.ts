import { until } from '../until.ts';

const RECOVERS_WITHIN_MS = 10_000;

/**
 * Waits until a PostgreSQL whose full disk has room again answers, or does not run. One that could not write panics and
 * recovers, or ends for good: only then is it known which. Now and then PostgreSQL 18 does neither: its recovery waits for
 * a checkpoint of a checkpointer that has panicked meanwhile. It is stopped then, as an operator would.
 * @param answers throws while it does not.
 * @returns whether it was stopped.
 */
export async function untilRecoveredOrStopped(postgres: {
  isRunning(): boolean;
  answers(): Promise<unknown>;
  stop(): Promise<unknown>;
}): Promise<boolean> {
  const settled = async () => !postgres.isRunning() || (await postgres.answers().then(() => true));
  const recovers = until('PostgreSQL answers, or is gone', settled, RECOVERS_WITHIN_MS);
  if (await recovers.catch(() => false)) return false;
  await postgres.stop();
  return true;
}
