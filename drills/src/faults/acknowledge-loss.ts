import { setTimeout as wait } from 'node:timers/promises';
import { acceptedByRedis, untilProcessed } from '../processed.ts';
import type { System } from '../system/system.ts';
import { until } from '../until.ts';
import { type FaultContext, running } from './fault.ts';

/**
 * Waits until all that Redis has lost is missed in the books, and acknowledges it as an operator does.
 * @param since by PostgreSQL's clock: when the loss had happened.
 * @returns how many ballots were missed.
 */
export async function acknowledgeLoss({ system, note }: FaultContext, since: string): Promise<number> {
  await untilEachIsCarried(system, since);
  await untilEachHasReminded(system);
  await untilProcessed(system);
  const lostBefore = await lost(system);
  const { code, output } = await system.workerCommand('acknowledge-loss');
  if (code !== 0) throw new Error(`the loss could not be acknowledged (${code}): ${output}`);
  const count = (await lost(system)) - lostBefore;
  note(`${count} ballots are lost: ${output.trim()}`);
  return count;
}

async function lost({ postgres }: System): Promise<number> {
  const [row] = await postgres.query<{ lost: number }>('SELECT sum(lost)::int AS lost FROM partitions');
  return row!.lost;
}

/** Waits until every partition has an owner that has looked at what Redis holds since then. */
async function untilEachIsCarried(system: System, since: string): Promise<void> {
  await until('every partition is carried', async () => {
    const rows = await system.postgres.query<{ fresh: boolean }>(
      'SELECT coalesce(heartbeat_at > $1::timestamptz, false) AS fresh FROM partitions',
      [since],
    );
    if (!rows.every(({ fresh }) => fresh)) return false;
    // A heartbeat that was on its way when Redis was emptied tells of the time before.
    return (await acceptedByRedis(system)).every((accepted) => accepted > 0);
  });
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
