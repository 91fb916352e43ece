import { readFileSync } from 'node:fs';
import { applyPolls } from '@hbf/ballot-store/apply-polls';
import { type Client, openClient } from '@hbf/ballot-store/connection';
import { migrateSchema } from '@hbf/ballot-store/migrate';
import { readPolls } from '@hbf/ballot-store/read-polls';
import { readSystem, setUpSystem } from '@hbf/ballot-store/system';
import { checkRedis } from './check-redis.ts';
import type { readMigrateConfig } from './config.ts';
import { type FileMistake, parsePollsFile } from './polls-file.ts';
import { SystemMismatch } from './system-match.ts';

/** 0: all done. 2: the database is ready, the polls file was refused, the polls as they were stay in force. */
export type MigrateExit = 0 | 1 | 2;

const POSTGRES_MUST_ANSWER_MS = 60_000;
const DEFAULT_PARTITIONS = 4;

/**
 * Prepares the database and applies the polls file. May run any number of times, and several at once.
 * Waits up to a minute for the stores. An empty database is set up only if Redis does not hold another system's
 * ballots; so Redis must answer then. Nothing is touched where one of the two stores has lost what it held.
 * @param say prints a line of progress; @param complain one of failure.
 */
export async function migrate(
  config: ReturnType<typeof readMigrateConfig>,
  say: (line: string) => void,
  complain: (line: string) => void,
): Promise<MigrateExit> {
  const client = await connectWithPatience(config.DATABASE_URL, say);
  try {
    await checkRedis(config, client, await readSystem(client), say);
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
  const until = performance.now() + POSTGRES_MUST_ANSWER_MS;
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
