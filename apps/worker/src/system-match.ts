import type { StoredSystem } from '@hbf/ballot-store/system';
import type { System } from '@hbf/ballot-stream/partition';

/** Redis and PostgreSQL do not belong together. Going on could count on the wrong data: worker and migrate stop. */
export class SystemMismatch extends Error {
  override name = 'SystemMismatch';
}

/** Redis is empty, and the database knows of ballots that it had accepted. */
export class RedisLost extends SystemMismatch {
  override name = 'RedisLost';
  /** @param known ballots: `queued` of those accepted were not recorded when the database last heard of Redis. */
  constructor(database: StoredSystem, known: { accepted: number; queued: number }) {
    super(
      `This PostgreSQL database holds the system ${database.id}, of which Redis had accepted ${known.accepted} ballots, ` +
        'but this Redis is empty. Either its volume was lost (restore it: what was accepted and not yet recorded is ' +
        `there alone, ${known.queued} ballots when last heard of), or REDIS_URL names a wrong host. Nothing was ` +
        'changed. To give up what was queued in Redis and go on with what is recorded, run "worker acknowledge-loss", ' +
        'or start once with REDIS_LOSS=acknowledged in the environment; to start anew, empty PostgreSQL as well. ' +
        'See docs/runbook.md.',
    );
  }
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
