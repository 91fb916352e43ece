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

/**
 * One direct session for a worker: the locks that it takes live and die with it. It must not go through a pooler.
 * @param onLost hears once when the session ended without `end` being called.
 */
export async function openSession(
  url: string,
  applicationName: string,
  onLost: (error: Error) => void,
): Promise<pg.Client> {
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
  let lost = false;
  const report = (error: Error) => {
    if (lost) return;
    lost = true;
    onLost(error);
  };
  client.on('error', report);
  client.on('end', () => report(new Error('the session with PostgreSQL ended')));
  await client.connect();
  return client;
}

/** Ends a session at once, without waiting for a server that may not answer. */
export function dropSession(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  stream.destroy();
}

/** Connections for reading. A query that gets no answer fails after `timeoutMs`, on both sides. */
export function createPool(
  url: string,
  applicationName: string,
  options: { max: number; timeoutMs: number },
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: applicationName,
    max: options.max,
    connectionTimeoutMillis: options.timeoutMs,
    statement_timeout: options.timeoutMs,
    query_timeout: options.timeoutMs + 250,
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
  await client.query('COMMIT');
  return result;
}
