import { openClient } from '@hbf/ballot-store/connection';
import { acknowledgeLoss, type Conservation, readConservation } from '@hbf/ballot-store/conservation';
import { recount } from '@hbf/ballot-store/recount';
import { readSystem } from '@hbf/ballot-store/system';
import { acknowledgeLostRedis } from './check-redis.ts';

/**
 * `worker recount`: counts every ballot again. @returns 0 if all kept figures are right and nothing is missing, nor may
 * be: where Redis lost an unknown number of ballots, a drift of 0 is no comfort.
 */
export async function runRecount(databaseUrl: string, say: (line: string) => void): Promise<0 | 1> {
  const client = await openClient(databaseUrl, 'hbf-recount');
  try {
    const { polls, ballots, differences } = await recount(client);
    const conservation = await readConservation(client);
    for (const { poll, option, votes } of polls) say(`${poll}  ${option}  ${votes}`);
    say(`${ballots} ballots counted again`);
    for (const line of conservation.map(describe)) say(line);
    for (const { what, poll, option, partition, kept, counted } of differences) {
      const where = [poll, option].filter((part) => part !== null).join(' ');
      say(`WRONG: ${what} ${where} (partition ${partition}): kept ${kept}, counted ${counted}`);
    }
    const drifting = conservation.filter(({ drift, lossIsLowerBound }) => drift !== 0 || lossIsLowerBound);
    if (differences.length === 0) say('the tallies are equal to the recount');
    if (drifting.length === 0) say('every accepted ballot is accounted for: the drift is 0');
    for (const { partition, drift, lossIsLowerBound } of drifting) {
      const bound = lossIsLowerBound ? 'at least ' : '';
      say(
        drift < 0
          ? `DRIFT: ${-drift} ballots of partition ${partition} were counted that were never accepted`
          : `DRIFT: ${bound}${drift} ballots of partition ${partition} were accepted and are missing`,
      );
    }
    return differences.length === 0 && drifting.length === 0 ? 0 : 1;
  } finally {
    await client.end();
  }
}

/**
 * `worker acknowledge-loss`: an operator has looked at a drift; from now on it counts as lost. A Redis that has lost all
 * is made known as this system's again, so that `migrate` passes. @throws SystemMismatch
 */
export async function runAcknowledgeLoss(
  config: { DATABASE_URL: string; REDIS_URL: string },
  say: (line: string) => void,
): Promise<0 | 1> {
  const client = await openClient(config.DATABASE_URL, 'hbf-acknowledge-loss');
  try {
    const system = await readSystem(client);
    if (system) await acknowledgeLostRedis(config.REDIS_URL, client, system, say);
    const losses = await acknowledgeLoss(client);
    if (losses.length === 0) say('There is no loss to acknowledge.');
    for (const { partition, ballots, isLowerBound } of losses) {
      say(
        `partition ${partition}: ${isLowerBound ? 'at least ' : ''}${ballots} ballots are now counted as lost`,
      );
    }
    const negative = (await readConservation(client)).filter(({ drift }) => drift < 0);
    for (const { partition, drift } of negative) {
      say(
        `partition ${partition}: the drift is ${drift}. That is no loss: something was counted that was never accepted. ` +
          'It stays; see docs/runbook.md.',
      );
    }
    return negative.length === 0 ? 0 : 1;
  } finally {
    await client.end();
  }
}

function describe(row: Conservation): string {
  const queued = Math.max(0, row.appended - row.accepted);
  return (
    `partition ${row.partition}: accepted ${row.accepted} = recorded ${row.recorded} + superseded ${row.superseded} ` +
    `+ rejected ${row.rejected} + lost ${row.lost} + drift ${row.drift}; queued ${queued}, ` +
    `foreign entries ${row.foreignEntries}`
  );
}
