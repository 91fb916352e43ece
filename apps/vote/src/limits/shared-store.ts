import { connectRedis, describeRedisFailure } from '@hbf/ballot-stream/connection';
import type { Logger } from '@hbf/service-kit/logger';
import { RateLimiterRedis } from 'rate-limiter-flexible';

// With the 150 ms that an append may take, well under the 200 ms in which a voter is answered.
const ANSWER_WITHIN_MS = 25;
const PROBE_EVERY_MS = 250;

/** The Redis in which all copies of this service count together. */
export type SharedStore = {
  client: unknown;
  /**
   * Does some counting there.
   * @returns undefined if it is away, or did not answer in time: then it is not asked again until it answers a probe.
   */
  count<T>(work: () => Promise<T>): Promise<{ result: T } | undefined>;
  close(): void;
};

/**
 * @param onChange hears whether the store is away.
 * @throws nothing: a store that is away, slow, full or refuses us costs one ballot 25 ms, and no ballot its acceptance.
 */
export function connectSharedStore(options: {
  url: string;
  log: Pick<Logger, 'warn' | 'info'>;
  onChange(away: boolean): void;
}): SharedStore {
  const { log, onChange } = options;
  /** `late`: a ballot had no answer, and the next probe decides; a moment's hiccup is nothing to report. */
  let state: 'starting' | 'there' | 'late' | 'away' | 'closed' = 'starting';

  const lose = (error: Error) => {
    if (state === 'away' || state === 'closed') return;
    state = 'away';
    onChange(true);
    log.warn(
      { err: error, reason: describeRedisFailure(error) },
      'the store of the limits (LIMITS_REDIS_URL) is away: until it is back, this process counts ballots by itself',
    );
  };

  const redis = connectRedis(options.url, lose);
  redis.on('close', () => lose(new Error('the connection was closed')));
  redis.on('ready', () => {
    void warnIfDurable();
    probe();
  });

  // It writes as a ballot does: a store that is full, or a replica that only reads, answers PING as if all were well.
  const probes = new RateLimiterRedis({
    points: 1,
    duration: 1,
    storeClient: redis,
    keyPrefix: 'hbf:limits',
  });
  let asking = false;
  const probe = () => {
    if (state === 'there' || state === 'closed' || asking || redis.status !== 'ready') return;
    asking = true;
    const asked = probes.penalty('probe');
    // Not before it is answered or the connection dropped: questions to a store that hangs would pile up.
    asked
      .catch(() => {})
      .finally(() => {
        asking = false;
      });
    inTime(asked).then(() => {
      if (state === 'closed') return;
      if (state !== 'late') {
        onChange(false);
        log.info('the store of the limits is there: ballots are counted in it');
      }
      state = 'there';
    }, lose);
  };
  const prober = setInterval(probe, PROBE_EVERY_MS);
  prober.unref();

  let warned = false;
  const warnIfDurable = async () => {
    const info = await redis.info('persistence').catch(() => '');
    if (warned || !info.includes('aof_enabled:1')) return;
    warned = true;
    log.warn(
      'the store of the limits writes all it is told to its disk (appendonly yes), which makes ballots wait: use a Redis of its own without persistence',
    );
  };

  return {
    client: redis,
    async count(work) {
      if (state !== 'there') return undefined;
      try {
        return { result: await inTime(work()) };
      } catch {
        if (state === 'there') state = 'late';
        probe();
        return undefined;
      }
    },
    close() {
      state = 'closed';
      clearInterval(prober);
      redis.disconnect();
    },
  };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // Should this process itself have been held up, the answer is there and is read in this turn.
      setImmediate(() => reject(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)));
    }, ANSWER_WITHIN_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
