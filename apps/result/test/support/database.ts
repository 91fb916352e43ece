import { randomBytes } from 'node:crypto';
import { applyPolls } from '@hbf/ballot-store/apply-polls';
import { createPool, inTransaction, openClient, type Pool } from '@hbf/ballot-store/connection';
import { beat } from '@hbf/ballot-store/heartbeat';
import { migrateSchema } from '@hbf/ballot-store/migrate';
import { movePosition } from '@hbf/ballot-store/move-position';
import { notifyTally } from '@hbf/ballot-store/notify-tally';
import { type BallotToRecord, recordBallots } from '@hbf/ballot-store/record-ballots';
import { setUpSystem } from '@hbf/ballot-store/system';
import type { Poll } from '@hbf/contracts/poll';

/** Sets a database up as `migrate` does. */
export async function setUpDatabase(url: string, polls: Poll[], partitions = 2): Promise<void> {
  const client = await openClient(url, 'hbf-test');
  try {
    await migrateSchema(client);
    await setUpSystem(client, partitions);
    await applyPolls(client, polls);
  } finally {
    await client.end();
  }
}

/** Does in PostgreSQL what the worker does there, without any Redis. */
export function createRecorder(url: string) {
  const pool: Pool = createPool(url, 'hbf-test-recorder', { max: 4, timeoutMs: 5_000 });
  let total = 0;
  return {
    pool,
    /** Records ballots of one entry, and moves the partition's position to it. */
    async record(partition: number, entryId: string, ballots: Omit<BallotToRecord, 'entryId' | 'index'>[]) {
      const client = await pool.connect();
      try {
        await inTransaction(client, async () => {
          const { rows } = await client.query<{ position: string; epoch: number; accepted: number }>(
            `SELECT position_ms || '-' || position_seq AS position, epoch, accepted
             FROM partitions WHERE partition = $1`,
            [partition],
          );
          const { position, epoch, accepted } = rows[0]!;
          const to = accepted + ballots.length;
          if (
            !(await movePosition(client, { partition, epoch, from: position, to: entryId, accepted: to }))
          ) {
            throw new Error('the position did not move');
          }
          const whole = ballots.map((ballot, index) => ({ ...ballot, entryId, index }));
          if (whole.length > 0) await recordBallots(client, partition, whole, whole.length);
          await notifyTally(client);
        });
        total += ballots.length;
      } finally {
        client.release();
      }
    },
    /** A new voter's ballot. */
    ballot: (poll: string, choice: string) => ({ poll, voter: randomBytes(16), choices: [choice] }),
    get total() {
      return total;
    },
    /** Says that every partition is owned, read, and empty. */
    async beatAll(partitions = 2) {
      for (let partition = 0; partition < partitions; partition += 1) {
        const { rows } = await pool.query<{ epoch: number; accepted: number }>(
          'SELECT epoch, accepted FROM partitions WHERE partition = $1',
          [partition],
        );
        const { epoch, accepted } = rows[0]!;
        await beat(pool, { partition, epoch, appended: accepted, oldestQueuedMs: null });
      }
    },
    close: () => pool.end(),
  };
}
