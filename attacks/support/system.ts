import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { acceptedByRedis } from '@hbf/drills/processed';
import { createLocalSystem, type LocalSystem } from '@hbf/drills/system/local';
import type { LocalReplica } from '@hbf/drills/system/replica';
import { until } from '@hbf/drills/until';

const newKey = (kid: string) => `${kid}:${randomBytes(32).toString('hex')}`;

/** The keys that the services sign with. */
export const KEYS = { voter: newKey('v1'), receipt: newKey('r1') };

/** One poll for each kind of treatment. All JSON is YAML. */
const POLLS = {
  polls: [
    { key: 'browser', question: 'Cats or dogs?', options: { a: 'Cats', b: 'Dogs' } },
    { key: 'other', question: 'Tea or coffee?', options: { a: 'Tea', b: 'Coffee' } },
    { key: 'hands', question: 'Now or later?', options: { a: 'Now', b: 'Later' }, eligibility: 'open' },
    {
      key: 'several',
      question: 'Which ones?',
      options: { a: 'Ash', b: 'Beech', c: 'Cedar', d: 'Elm' },
      choices: { min: 1, max: 3 },
    },
    {
      key: 'closed',
      question: 'Then?',
      options: { a: 'Yes', b: 'No' },
      closesAt: '2020-01-01T00:00:00Z',
    },
  ],
};

/** The text of polls.yaml with more polls at its end. */
export const pollsWith = (more: readonly object[]) => JSON.stringify({ polls: [...POLLS.polls, ...more] });

async function start(): Promise<LocalSystem> {
  const guard = fileURLToPath(new URL('watch-prototypes.mjs', import.meta.url));
  return createLocalSystem({
    polls: pollsWith([]),
    workers: 1,
    env: { VOTER_KEYS: KEYS.voter, RECEIPT_KEYS: KEYS.receipt, NODE_OPTIONS: `--import=file://${guard}` },
  });
}

const shared = globalThis as { systemUnderAttack?: Promise<LocalSystem> };
shared.systemUnderAttack ??= start();

/**
 * The one system that all files attack, one after another in one process; it ends with that. Every service is a real
 * process on a real Redis and a real PostgreSQL.
 */
export const system = await shared.systemUnderAttack;

const first = (app: LocalReplica['app']) => system.replicas.find((replica) => replica.app === app)!;
export const vote = first('vote');
export const result = first('result');

/** Runs one more replica with an environment of its own, while `work` lasts. */
export async function withReplica<T>(
  app: 'vote' | 'result',
  env: Record<string, string>,
  work: (replica: LocalReplica & { url: string }) => Promise<T>,
): Promise<T> {
  const replica = await system.add(app, { env });
  try {
    await replica.untilReady();
    return await work(replica as LocalReplica & { url: string });
  } finally {
    await system.remove(replica);
  }
}

/** How many voters are counted for each choice, by the ballots themselves; as soon as nothing is queued. */
export async function countBallots(poll: string): Promise<Record<string, number>> {
  const accepted = (await acceptedByRedis(system)).reduce((sum, total) => sum + total, 0);
  await until('every accepted ballot is processed', async () => {
    const [sum] = await system.postgres.query<{ processed: number }>(
      'SELECT sum(accepted)::int AS processed FROM partitions',
    );
    return sum!.processed >= accepted;
  });
  const rows = await system.postgres.query<{ choice: string; votes: number }>(
    'SELECT choice, count(*)::int AS votes FROM ballots, unnest(choices) AS choice WHERE poll = $1 GROUP BY choice',
    [poll],
  );
  return Object.fromEntries(rows.map(({ choice, votes }) => [choice, votes]));
}
