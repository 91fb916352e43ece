import pg from 'pg';

// Counts stay far below 2^53; as strings, sums of them would silently be concatenated.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export type { Client, Pool } from 'pg';

/** What a query needs: a client, or a pool where any connection will do. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/**
 * How long a session may be silent, idle in a transaction, or busy with one statement (ms). A session that owns a
 * partition is touched every 500 ms; when its process is stopped or cut off, PostgreSQL ends the session after this
 * time, and with it the lock. Without these, a stopped process keeps its partition for hours.
 */
export const SESSION_TIMEOUT_MS = 1_500;

const TOUCH_EVERY_MS = 500;

/** One direct session of a worker: the locks that it takes live and die with it. */
export type Session = Queryable & {
  /** Why the session is over; undefined while it lives. */
  readonly lost: Error | undefined;
  /** Ends the session, and with it its locks. Never rejects, never waits for long. */
  close(): Promise<void>;
};

/**
 * Opens a session that keeps itself alive as long as this process runs its event loop, and that PostgreSQL ends soon
 * after it stops to. It must not go through a pooler.
 */
export async function openSession(url: string, applicationName: string): Promise<Session> {
  const timeout = SESSION_TIMEOUT_MS;
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: timeout,
    query_timeout: timeout + 500,
    keepAlive: true,
    options: [
      `-c idle_session_timeout=${timeout}`,
      `-c idle_in_transaction_session_timeout=${timeout}`,
      `-c statement_timeout=${timeout}`,
      `-c tcp_user_timeout=${timeout}`,
      '-c tcp_keepalives_idle=1',
      '-c tcp_keepalives_interval=1',
      '-c tcp_keepalives_count=2',
      // A batch that was answered must be on disk, whatever the server's default is.
      '-c synchronous_commit=on',
    ].join(' '),
  });
  let lost: Error | undefined;
  const lose = (error: Error) => {
    if (lost) return;
    lost = error;
    clearInterval(touching);
    // Without waiting for a server that may not answer: the locks must not outlive our belief that we lost them.
    client.connection.stream.destroy();
  };
  client.on('error', lose);
  client.on('end', () => lose(new Error('PostgreSQL ended the session')));

  // One query at a time: the touch must not come between a statement and its answer.
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const query = ((...args: Parameters<pg.Client['query']>) => {
    waiting += 1;
    const answer = last.then(() => {
      if (lost) throw lost;
      return client.query(...args);
    });
    last = answer.then(
      () => {},
      (error: Error) => {
        // The driver's own time-out leaves the answer on its way: nothing sent after it could be trusted.
        if (error.message === 'Query read timeout') lose(error);
      },
    );
    void last.finally(() => {
      waiting -= 1;
    });
    return answer;
  }) as Queryable['query'];
  const touching = setInterval(() => {
    if (waiting === 0) void query('SELECT 1').catch(() => {});
  }, TOUCH_EVERY_MS);
  touching.unref();

  try {
    await client.connect();
  } catch (error) {
    lose(error as Error);
    throw error;
  }
  return {
    query,
    get lost() {
      return lost;
    },
    async close() {
      if (lost) return;
      clearInterval(touching);
      const giveUp = setTimeout(() => lose(new Error('the session did not end in time')), 500);
      await client.end().catch(() => {});
      clearTimeout(giveUp);
    },
  };
}

/** One connection for a command that runs and exits. */
export async function openClient(url: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    options: '-c synchronous_commit=on',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/**
 * Connections for reading. A query that gets no answer fails after `timeoutMs`, on both sides. A new connection may
 * take `connectWithinMs` (unset: as long as a query); one that comes too late for its query serves the next ones.
 */
export function createPool(
  url: string,
  applicationName: string,
  options: { max: number; timeoutMs: number; connectWithinMs?: number },
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: applicationName,
    max: options.max,
    connectionTimeoutMillis: options.connectWithinMs ?? options.timeoutMs,
    statement_timeout: options.timeoutMs,
    query_timeout: options.timeoutMs + 250,
    // One stays open in quiet times: whoever comes next must not wait until one is made.
    min: 1,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  });
  // An idle connection that is cut raises this; the next query opens another.
  pool.on('error', () => {});
  return pool;
}

/**
 * Runs `work` in a transaction: commits when it resolves, rolls back when it throws.
 * A commit whose answer is lost throws too: whether it happened is then unknown.
 */
export async function inTransaction<T>(client: Queryable, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  const { command } = await client.query('COMMIT');
  // PostgreSQL answers so, without an error, where a statement had failed and nobody told: nothing was stored.
  if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement in it had failed');
  return result;
}
