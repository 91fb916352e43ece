import type { StoredSystem } from '@hbf/ballot-store/system';
import type { System } from '@hbf/ballot-stream/partition';

/** Redis and PostgreSQL do not belong together. Going on could count on the wrong data: worker and migrate stop. */
export class SystemMismatch extends Error {
  override name = 'SystemMismatch';
}

/** @throws SystemMismatch if Redis belongs to a system that the database lacks or contradicts. */
export function requireSameSystem(redis: System | undefined, database: StoredSystem | undefined): void {
  if (!redis) return;
  if (!database) {
    throw new SystemMismatch(
      `Redis holds the ballots of the system ${redis.id}, but this PostgreSQL database is empty. ` +
        'Either its volume was lost (restore it from a backup), or DATABASE_URL names a wrong host or database. ' +
        'To give up what Redis holds and start anew, empty Redis as well.',
    );
  }
  if (redis.id !== database.id || redis.partitions !== database.partitions) {
    throw new SystemMismatch(
      `Redis belongs to the system ${redis.id} (${redis.partitions} partitions), but this PostgreSQL database to ` +
        `${database.id} (${database.partitions} partitions). REDIS_URL or DATABASE_URL names a wrong host, or one of ` +
        'the two volumes was swapped.',
    );
  }
}
