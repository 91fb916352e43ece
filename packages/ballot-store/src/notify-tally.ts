import type { Queryable } from './connection.ts';

/** Listeners read the tallies again when they hear it; it has no payload, since a payload could be missed. */
export const TALLY_CHANNEL = 'tally';

/** Tells the listeners of a change, when the transaction commits. */
export async function notifyTally(client: Queryable): Promise<void> {
  await client.query(`NOTIFY ${TALLY_CHANNEL}`);
}
