import { readFileSync } from 'node:fs';
import { applyPolls } from '@hbf/ballot-store/apply-polls';
import { type Client, openClient } from '@hbf/ballot-store/connection';
import { migrateSchema } from '@hbf/ballot-store/migrate';
import { readPolls } from '@hbf/ballot-store/read-polls';
import { readSystem as readStoredSystem, setUpSystem } from '@hbf/ballot-store/system';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { readSystem as readRedisSystem, type System } from '@hbf/ballot-stream/partition';
import type { readMigrateConfig } from './config.ts';
import { type FileMistake, parsePollsFile } from './polls-file.ts';
import { requireSameSystem, SystemMismatch } from './system-match.ts';

/** 0: all done. 2: the database is ready, the polls file was refused, the polls as they were stay in force. */
export type MigrateExit = 0 | 1 | 2;

const STORE_MUST_ANSWER_MS = 60_000;
const DEFAULT_PARTITIONS = 4;

/**
 * Prepares the database and applies the polls file. May run any number of times, and several at once.
 * Waits up to a minute for the stores. An empty database is set up only if Redis does not hold another system's
 * ballots; so Redis must answer then.
 * @param say prints a line of progress; @param complain one of failure.
 */
export async function migrate(
  config: ReturnType<typeof readMigrateConfig>,
  say: (line: string) => void,
  complain: (line: string) => void,
): Promise<MigrateExit> {
  const client = await connectWithPatience(config.DATABASE_URL, say);
  try {
    const before = await readStoredSystem(client);
    const redisSystem = await askRedis(config.REDIS_URL, before === undefined, say);
    requireSameSystem(redisSystem, before);
    const applied = await migrateSchema(client);
    say(applied.length === 0 ? 'the schema is up to date' : `schema: ${applied.join(', ')}`);
    const system = await setUpSystem(client, config.PARTITIONS ?? DEFAULT_PARTITIONS);
    if (config.PARTITIONS !== undefined && config.PARTITIONS !== system.partitions) {
      complain(
        `PARTITIONS=${config.PARTITIONS}, but this system was set up with ${system.partitions}, for ever. Leave PARTITIONS out.`,
      );
      return 1;
    }
    say(`system ${system.id}, ${system.partitions} partitions`);
    return await applyFile(client, config.POLLS_FILE, say, complain);
  } catch (error) {
    if (!(error instanceof SystemMismatch)) throw error;
    complain(error.message);
    return 1;
  } finally {
    await client.end();
  }
}

async function applyFile(
  client: Client,
  file: string,
  say: (line: string) => void,
  complain: (line: string) => void,
): Promise<MigrateExit> {
  const refuse = async (mistakes: FileMistake[]): Promise<MigrateExit> => {
    for (const { line, message } of mistakes) complain(`${file}:${line}: ${message}`);
    const inForce = (await readPolls(client)).map(({ poll }) => poll.key);
    if (inForce.length === 0) {
      complain('Nothing was applied, and there is no poll yet. Mend the file and run this again.');
      return 1;
    }
    complain(`Nothing was applied. The polls as they were stay in force: ${inForce.join(', ')}.`);
    return 2;
  };

  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return refuse([{ line: 1, message: `cannot be read (${(error as NodeJS.ErrnoException).code})` }]);
  }
  const read = parsePollsFile(text);
  if ('mistakes' in read) return refuse(read.mistakes);
  const outcome = await applyPolls(client, read.polls);
  if (outcome.refused) {
    return refuse(
      outcome.refused.map(({ poll, field, message }) => ({
        line: read.lineOf(poll, field),
        message: `poll "${poll}": ${message}`,
      })),
    );
  }
  const list = (what: string, keys: string[]) => (keys.length > 0 ? [`${what}: ${keys.join(', ')}`] : []);
  const news = [...list('added', outcome.added), ...list('changed', outcome.changed)];
  say(news.length === 0 ? 'the polls are up to date' : `polls ${news.join('; ')}`);
  if (outcome.unlisted.length > 0) {
    say(`not in ${file}, and kept as they are: ${outcome.unlisted.join(', ')}`);
  }
  return 0;
}

async function connectWithPatience(url: string, say: (line: string) => void): Promise<Client> {
  const until = performance.now() + STORE_MUST_ANSWER_MS;
  let said = '';
  for (;;) {
    try {
      return await openClient(url, 'hbf-migrate');
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      const reason = message || code || 'no reason given';
      // 28xxx: a wrong password or role; 3D000: no such database. Waiting helps neither.
      if (performance.now() > until || /^(28|3D)/.test(code ?? '')) {
        throw new Error(`PostgreSQL (DATABASE_URL) cannot be reached: ${reason}`);
      }
      if (said !== reason) say(`waiting for PostgreSQL: ${reason}`);
      said = reason;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Redis's own word on which system it belongs to; without a word, undefined, unless it is needed. */
async function askRedis(
  url: string,
  needed: boolean,
  say: (line: string) => void,
): Promise<System | undefined> {
  const redis = connectRedis(url, () => {});
  try {
    if (needed) say('an empty database: asking Redis whether it belongs to another one');
    await untilReady(redis, needed ? STORE_MUST_ANSWER_MS : 2_000);
    return await readRedisSystem(redis);
  } catch (error) {
    if (needed) {
      throw new Error(
        `Redis (REDIS_URL) cannot be reached, and without its word an empty database is not set up: ${(error as Error).message}`,
      );
    }
    say('Redis does not answer; going on without it');
    return undefined;
  } finally {
    redis.disconnect();
  }
}
