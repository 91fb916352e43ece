import type { Poll } from '@hbf/contracts/poll';
import type { Redis } from 'ioredis';
import { connectRedis, describeRedisFailure, readRunId, SilentConnection } from './connection.ts';
import { createDefinitions } from './definitions.ts';
import type { System } from './partition.ts';
import type { RedisClock } from './redis-clock.ts';
import type { ToldTotals } from './told-totals.ts';

const REFRESH_EVERY_MS = 1_000;
const PROBE_EVERY_MS = 100;
const ESTABLISH_AGAIN_MS = 250;

/** One connection that is up: what must never be carried over to another. */
export type Link = {
  redis: Redis;
  runId: string;
  partitions: number;
  /** Something that was sent on it has had no answer: until something is answered, nothing more should be sent. */
  suspect: boolean;
};

export type ProducerLog = { warn(details: object, message: string): void; info(message: string): void };

/** vote's connection to Redis, however often it is replaced, and what is read from there again and again. */
export type LinkKeeper = {
  /** Undefined while Redis is away or was not set up. */
  current(): Link | undefined;
  polls(): readonly Poll[] | undefined;
  /** Resolves with the first link. */
  ready: Promise<void>;
  /** Reads nothing more; the connection goes on. */
  stop(): void;
  disconnect(): void;
};

/** @throws nothing: while Redis is away it keeps trying. */
export function keepLink(
  url: string,
  { clock, told, log }: { clock: RedisClock; told: ToldTotals; log: ProducerLog },
): LinkKeeper {
  let link: Link | undefined;
  let lost = true;
  let stopped = false;
  let markReady: () => void;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });

  const redis = connectRedis(url, (error) => {
    const silent = error instanceof SilentConnection;
    // At once, and not with the socket's end: nothing more is asked or sent on it.
    if (silent) link = undefined;
    if (lost) return;
    log.warn(
      { err: error },
      silent
        ? 'Redis does not answer: connecting again'
        : 'Redis is away: ballots are refused until it is back',
    );
    lost = true;
  });
  const definitions = createDefinitions(redis, clock, log);
  redis.on('ready', () => void establish(++attempt));
  redis.on('close', () => {
    attempt += 1;
    if (link && !stopped)
      log.warn({}, 'the connection to Redis was lost: ballots are refused until it is back');
    link = undefined;
    lost = true;
  });

  let attempt = 0;
  let waitingFor = '';
  // A connection that hangs is dropped by its watch: no wait needs a time-out here.
  async function establish(mine: number): Promise<void> {
    clock.reset();
    let reason = 'no worker has set this Redis up yet';
    try {
      const runId = await readRunId(redis);
      const system = await definitions.read();
      if (mine !== attempt) return;
      if (system) {
        // Before anything is appended: lost totals should not be given to other ballots first.
        await remind(system, runId);
        if (mine !== attempt) return;
        link = { redis, runId, partitions: system.partitions, suspect: false };
        if (lost) log.info('Redis is there: ballots are appended');
        lost = false;
        waitingFor = '';
        markReady();
        return;
      }
    } catch (error) {
      if (mine !== attempt) return;
      reason = describeRedisFailure(error as Error);
    }
    if (reason !== waitingFor) log.warn({}, `waiting: ${reason}`);
    waitingFor = reason;
    setTimeout(() => mine === attempt && void establish(mine), ESTABLISH_AGAIN_MS).unref();
  }

  let refreshing = false;
  let lastRefresh = 0;
  let failing = false;
  const ticker = setInterval(() => {
    const current = link;
    if (!current || refreshing) return;
    if (!current.suspect && performance.now() - lastRefresh < REFRESH_EVERY_MS) return;
    refreshing = true;
    lastRefresh = performance.now();
    refresh(current)
      .then(() => {
        failing = false;
      })
      .catch((error) => {
        // Otherwise the connection is gone, and another is on its way.
        if (link !== current || failing) return;
        log.warn({ err: error }, 'the published polls cannot be read: those known before stay in force');
        failing = true;
      })
      .finally(() => {
        refreshing = false;
      });
  }, PROBE_EVERY_MS);
  ticker.unref();

  async function refresh(current: Link): Promise<void> {
    const system = await definitions.read();
    current.suspect = false;
    // Again and again: a Redis may be emptied without any connection ending, and a full one must be asked once more.
    if (system) await remind(system, current.runId);
  }

  let remindRefused = false;
  async function remind(system: System, runId: string): Promise<void> {
    told.belongTo(system.id);
    try {
      await told.handOver(redis, runId);
      remindRefused = false;
    } catch (error) {
      if ((error as Error).name !== 'ReplyError') throw error;
      // No reason to refuse ballots: the next refresh tries again.
      if (!remindRefused)
        log.warn({ err: error }, 'Redis lost accepted ballots, and cannot be told of it yet');
      remindRefused = true;
    }
  }

  return {
    current: () => (redis.status === 'ready' ? link : undefined),
    polls: definitions.polls,
    ready,
    stop() {
      stopped = true;
      clearInterval(ticker);
    },
    disconnect: () => redis.disconnect(),
  };
}
