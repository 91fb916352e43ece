import { readAcceptedTotals } from '@hbf/ballot-store/accepted-totals';
import type { Queryable } from '@hbf/ballot-store/connection';
import type { StoredSystem } from '@hbf/ballot-store/system';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { readSystem, type System, tieSystem } from '@hbf/ballot-stream/partition';
import type { Redis } from 'ioredis';
import { RedisLost, requireSameSystem } from './system-match.ts';

const REDIS_MUST_ANSWER_MS = 60_000;
const REDIS_MAY_ANSWER_MS = 2_000;
// A worker that runs ties a Redis that was emptied at its next heartbeat: then it is known already what was lost.
const TIED_BY_A_WORKER_MS = 3_000;
const ASK_AGAIN_MS = 250;

/**
 * What `worker migrate` asks of Redis: that it belongs to the database's system, and has not lost what it held of it.
 * An empty database may be set up only with Redis's word, so it must answer then; otherwise what it would say is left
 * out where it is away.
 *
 * @param database the system that the database belongs to, undefined where it is empty.
 * @throws SystemMismatch
 */
export async function checkRedis(
  config: { REDIS_URL: string; REDIS_LOSS?: 'acknowledged' | undefined },
  client: Queryable,
  database: StoredSystem | undefined,
  say: (line: string) => void,
): Promise<void> {
  const redis = connectRedis(config.REDIS_URL, () => {});
  try {
    const answer = await ask(redis, database === undefined, say);
    if (!answer) return;
    requireSameSystem(answer.system, database);
    if (!database || answer.system) return;
    const known = await readAcceptedTotals(client);
    if (known.accepted === 0) return;
    const tied = await untilTied(redis);
    if (tied) requireSameSystem(tied, database);
    else if (config.REDIS_LOSS === 'acknowledged') await giveUpLost(redis, database, known, say);
    else throw new RedisLost(database, known);
  } finally {
    redis.disconnect();
  }
}

/**
 * What `worker acknowledge-loss` does to Redis: if it has lost what it held of the database's system, it is tied to
 * that again. A Redis that does not answer is left as it is. @throws SystemMismatch
 */
export async function acknowledgeLostRedis(
  url: string,
  client: Queryable,
  database: StoredSystem,
  say: (line: string) => void,
): Promise<void> {
  const redis = connectRedis(url, () => {});
  try {
    const answer = await ask(redis, false, say);
    if (!answer) return;
    requireSameSystem(answer.system, database);
    if (answer.system) return;
    const known = await readAcceptedTotals(client);
    if (known.accepted > 0) await giveUpLost(redis, database, known, say);
  } finally {
    redis.disconnect();
  }
}

async function giveUpLost(
  redis: Redis,
  database: StoredSystem,
  known: { queued: number },
  say: (line: string) => void,
): Promise<void> {
  requireSameSystem(await tieSystem(redis, database), database);
  say(
    `Redis was empty and belongs to the system ${database.id} again. What it held is given up: ${known.queued} ` +
      'ballots were queued at the last heartbeat, and others may have come after it. Once the workers run, they show ' +
      'as drift; then run "worker acknowledge-loss" to count them as lost.',
  );
}

/** Redis's own word on which system it belongs to. @returns undefined if it gives none and need not. */
async function ask(
  redis: Redis,
  needed: boolean,
  say: (line: string) => void,
): Promise<{ system: System | undefined } | undefined> {
  try {
    if (needed) say('an empty database: asking Redis whether it belongs to another one');
    await untilReady(redis, needed ? REDIS_MUST_ANSWER_MS : REDIS_MAY_ANSWER_MS);
    return { system: await readSystem(redis) };
  } catch (error) {
    if (needed) {
      throw new Error(
        `Redis (REDIS_URL) cannot be reached, and without its word an empty database is not set up: ${(error as Error).message}`,
      );
    }
    say('Redis does not answer; going on without it');
    return undefined;
  }
}

async function untilTied(redis: Redis): Promise<System | undefined> {
  const until = performance.now() + TIED_BY_A_WORKER_MS;
  for (;;) {
    const system = await readSystem(redis);
    if (system || performance.now() > until) return system;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}
