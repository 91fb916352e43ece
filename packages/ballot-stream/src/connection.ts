import { Redis } from 'ioredis';

// Longer than any command that we send may block.
const SILENT_CONNECTION_MS = 1_500;
const WATCH_EVERY_MS = 500;

/** A connection that was dropped because nothing came back on it any more. */
export class SilentConnection extends Error {
  override name = 'SilentConnection';
  constructor() {
    super(`Redis did not answer within ${SILENT_CONNECTION_MS} ms`);
  }
}

/**
 * Opens a connection to Redis that reconnects for ever, queues nothing while it is away and sends nothing twice by
 * itself: a command either went out once on a live connection, or fails at once. A client that resends could append
 * a ballot twice, or long after its voter was told that it failed.
 *
 * @param onError hears why the connection cannot be had, or is given up (SilentConnection).
 */
export function connectRedis(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
    protocol: 2, // the shapes of XREAD's reply differ in 3
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_000,
    // A server that hangs does not say goodbye: do not wait for it.
    disconnectTimeout: 100,
    keepAlive: 1_000,
    // It would send CLIENT SETINFO, which a Redis with users need not allow, and then writes down as an attempt.
    disableClientInfo: true,
    retryStrategy: (attempt) => Math.min(50 * attempt, 250),
  });
  redis.on('error', onError);
  watch(redis, onError);
  return redis;
}

/**
 * Drops a connection that does not answer, whatever stage it is in. One that was cut without a word stays "ready" for
 * a quarter of an hour, or for ever behind a proxy that acknowledges all, and one that dies before it is ready waits
 * without end: ioredis has no time-out for either.
 */
function watch(redis: Redis, onError: (error: Error) => void): void {
  let waitingSince: number | undefined;
  let asking = false;
  const drop = () => {
    onError(new SilentConnection());
    redis.disconnect(true);
  };
  const timer = setInterval(() => {
    if (redis.status === 'end') {
      clearInterval(timer);
    } else if (redis.status === 'connecting' || redis.status === 'connect') {
      waitingSince ??= performance.now();
      if (performance.now() - waitingSince < SILENT_CONNECTION_MS) return;
      waitingSince = undefined;
      drop();
    } else {
      waitingSince = undefined;
      if (redis.status !== 'ready' || asking) return;
      asking = true;
      within(SILENT_CONNECTION_MS, redis.ping(), 'PING')
        .catch(() => {
          if (redis.status === 'ready') drop();
        })
        .finally(() => {
          asking = false;
        });
    }
  }, WATCH_EVERY_MS);
  timer.unref();
}

/** What went wrong, in words for an operator where ioredis speaks of its own options. */
export function describeRedisFailure(error: Error): string {
  return /^(Stream isn't writeable|Connection is closed|Reached the max retries)/.test(error.message)
    ? 'the connection to Redis is down'
    : error.message;
}

/** Resolves when the connection can be used; rejects after `timeoutMs` with the last reason. */
export function untilReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    let reason: Error | undefined;
    const onError = (error: Error) => {
      reason = error;
    };
    const settle = (act: () => void) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      redis.off('error', onError);
      act();
    };
    const onReady = () => settle(resolve);
    const timer = setTimeout(
      () => settle(() => reject(reason ?? new Error(`Redis did not answer within ${timeoutMs} ms`))),
      timeoutMs,
    );
    redis.on('error', onError);
    redis.once('ready', onReady);
  });
}

/** The id of the server's present run: another after every restart. */
export async function readRunId(redis: Redis): Promise<string> {
  const info = await redis.info('server');
  const runId = /^run_id:(\w+)/m.exec(info)?.[1];
  if (!runId) throw new Error('Redis does not tell its run id (INFO server)');
  return runId;
}

/** Fails a wait that takes too long: a half-open connection never answers, and never fails by itself. */
export async function within<T>(milliseconds: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`${what}: no answer within ${milliseconds} ms`)),
          milliseconds,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
