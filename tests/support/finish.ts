import type { System } from './system.ts';
import { checkHistory, type Voters } from './voters.ts';

/**
 * Stops the voters, waits until nothing is queued, and checks everything that must hold then: each voter's ballot,
 * the tally against a recount, the drift.
 * @returns what is wrong, in words.
 */
export async function finish(system: System, ...voters: Voters[]): Promise<string[]> {
  await Promise.all(voters.map((each) => each.stop()));
  await system.untilDrained();
  const faults = await checkHistory(
    system,
    voters.flatMap(({ history }) => history),
  );
  for (const { partition, drift } of await system.conservation()) {
    if (drift !== 0) faults.push(`the drift of partition ${partition} is ${drift}`);
  }
  const recount = await system.workerCommand('recount');
  if (recount.code !== 0) faults.push(recount.output);
  return faults;
}
