import type { TallySnapshot } from '@hbf/ballot-store/read-tallies';

/** A snapshot, and when the read of it started and finished, on this process's monotonic clock (ms). */
type SnapshotRead = { snapshot: TallySnapshot; startedAt: number; finishedAt: number };

/** What this process knows of a partition's newest heartbeat. */
type SeenHeartbeat = {
  /** PostgreSQL's clock then, as it was written (ms since 1970): another value is another heartbeat. */
  at: number;
  /** How long ago it was: since this moment of our monotonic clock (ms). -Infinity: it may be of any age. */
  since: number;
  /** The same moment by PostgreSQL's clock (ms since 1970): never one that this clock has yet to reach. */
  asOf: number;
};

/** A read, with what is known of each partition's heartbeat; of a partition that never had one, nothing. */
export type TakenSnapshot = SnapshotRead & { heartbeats: ReadonlyMap<number, SeenHeartbeat> };

/** By how much less than ours PostgreSQL's clock may move between two reads without having been set back (ms). */
const SLEWED_MS = 100;

/**
 * Adds to a read how old the heartbeats are. PostgreSQL's clock may have been stepped since they were written: what it
 * says of their age counts where it makes them older. What makes a heartbeat news is that it was seen to change.
 * @param previous the read before this one; undefined if there is none.
 */
export function takeSnapshot(read: SnapshotRead, previous: TakenSnapshot | undefined): TakenSnapshot {
  const heartbeats = new Map<number, SeenHeartbeat>();
  for (const { partition, heartbeatAt } of read.snapshot.partitions) {
    if (heartbeatAt === null) continue;
    const before = previous?.heartbeats.get(partition);
    const seen = before?.at === heartbeatAt ? seeAgain(before, read) : seeNew(heartbeatAt, read, previous);
    heartbeats.set(partition, seen);
  }
  return { ...read, heartbeats };
}

/** It never gets younger, whatever has become of PostgreSQL's clock. */
function seeAgain({ at, since, asOf }: SeenHeartbeat, read: SnapshotRead): SeenHeartbeat {
  const oldest = Math.min(since, sinceByPostgres(at, read));
  return { at, since: oldest, asOf: asOf <= read.snapshot.now ? asOf : asOfPostgres(oldest, read) };
}

/**
 * PostgreSQL's clock tells its age, unless that clock was set back since it was written, perhaps. Then all that is
 * certain is that the read before did not find it: without such a read, nothing is.
 */
function seeNew(at: number, read: SnapshotRead, previous: SnapshotRead | undefined): SeenHeartbeat {
  const byPostgres = sinceByPostgres(at, read);
  if (at <= read.snapshot.now && !wasSetBack(read, previous)) return { at, since: byPostgres, asOf: at };
  const since = Math.min(byPostgres, previous?.startedAt ?? Number.NEGATIVE_INFINITY);
  return { at, since, asOf: Math.min(at, asOfPostgres(since, read)) };
}

function sinceByPostgres(at: number, { snapshot, startedAt }: SnapshotRead): number {
  return startedAt - (snapshot.now - at);
}

function asOfPostgres(since: number, { snapshot, startedAt }: SnapshotRead): number {
  return snapshot.now - (startedAt - since);
}

function wasSetBack(read: SnapshotRead, previous: SnapshotRead | undefined): boolean {
  if (!previous) return false;
  const atLeast = read.startedAt - previous.finishedAt;
  return read.snapshot.now - previous.snapshot.now < atLeast - SLEWED_MS;
}
