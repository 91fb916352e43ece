import type { Queryable } from './connection.ts';

/** What the owner of a partition saw in Redis in the last second. */
export type Heartbeat = {
  partition: number;
  epoch: number;
  /** Redis's total of accepted ballots. */
  appended: number;
  /** The age of the oldest queued ballot in ms, null if none is queued. */
  oldestQueuedMs: number | null;
};

/** How a partition's ballots add up; `lossIsLowerBound`: the true loss is at least the drift. */
export type Audit = { drift: number; lossIsLowerBound: boolean };

/**
 * By session, PostgreSQL's clock (ms since 1970) less our monotonic one (ms), as of the last answer: too small by the
 * time that the answer took, never too large.
 */
const clocks = new WeakMap<Queryable, number>();

/** If PostgreSQL's clock turns out to be ahead of what was known by more than this (ms), it was stepped. */
const STEPPED_MS = 250;

const CLOCK = '(extract(epoch FROM clock_timestamp()) * 1000)::float8';

/**
 * Writes a heartbeat, with the moment of this call by PostgreSQL's clock. The statement may be executed much later, by a
 * PostgreSQL that was frozen or behind a link that was held: by its clock of then, what was read long ago would be news.
 * @returns undefined if a later owner has taken the partition over.
 */
export async function beat(client: Queryable, heartbeat: Heartbeat): Promise<Audit | undefined> {
  const calledAt = performance.now();
  const known = clocks.get(client) ?? (await readClock(client));
  const audit = await write(client, heartbeat, calledAt + known);
  if (!audit) return undefined;
  const learned = clocks.get(client)!;
  // Otherwise pages would take it for an old one until the next.
  return learned - known > STEPPED_MS ? write(client, heartbeat, calledAt + learned) : audit;
}

async function write(client: Queryable, heartbeat: Heartbeat, at: number): Promise<Audit | undefined> {
  const { partition, epoch, appended, oldestQueuedMs } = heartbeat;
  const { rows } = await client.query<Audit & { now: number }>({
    name: 'heartbeat',
    text: `
      UPDATE partitions
      SET heartbeat_at = least(clock_timestamp(), to_timestamp($5::float8 / 1000)),
        appended = greatest(appended, $3), oldest_queued_ms = $4
      WHERE partition = $1 AND epoch = $2
      RETURNING drift, loss_is_lower_bound AS "lossIsLowerBound", ${CLOCK} AS now`,
    values: [partition, epoch, appended, oldestQueuedMs, at],
  });
  const row = rows[0];
  if (!row) return undefined;
  const { now, ...audit } = row;
  clocks.set(client, now - performance.now());
  return audit;
}

async function readClock(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ now: number }>(`SELECT ${CLOCK} AS now`);
  return rows[0]!.now - performance.now();
}
