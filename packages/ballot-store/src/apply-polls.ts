import type { Poll } from '@hbf/contracts/poll';
import { inTransaction, type Queryable } from './connection.ts';
import { readPolls, type StoredPoll } from './read-polls.ts';

/** A change that a published poll does not allow. `field` names the place in the poll's declaration. */
export type RefusedChange = { poll: string; field: string; message: string };

export type ApplyOutcome =
  | { refused: RefusedChange[] }
  | {
      refused?: undefined;
      added: string[];
      changed: string[];
      /** Polls of the database that the declaration no longer names; they stay as they are. */
      unlisted: string[];
    };

/**
 * Applies the declared polls: adds new ones, changes labels, order and times of known ones. Frozen from a poll's
 * first publication are its options, eligibility, number of choices and when results are shown; the times of a closed
 * poll too. Applies all or, if anything is refused, nothing.
 */
export async function applyPolls(client: Queryable, declared: readonly Poll[]): Promise<ApplyOutcome> {
  return await inTransaction(client, async () => {
    await client.query('SELECT 1 FROM system FOR UPDATE');
    const known = new Map((await readPolls(client)).map((stored) => [stored.poll.key, stored]));
    const refused = declared.flatMap((poll) => {
      const stored = known.get(poll.key);
      return stored ? refusedChanges(stored, poll) : [];
    });
    if (refused.length > 0) return { refused };

    const added = declared.filter((poll) => !known.has(poll.key));
    const changed = declared.filter((poll) => {
      const stored = known.get(poll.key);
      return stored && JSON.stringify(stored.poll) !== JSON.stringify(poll);
    });
    for (const poll of [...added, ...changed]) await storePoll(client, poll);
    const unlisted = [...known.keys()].filter((key) => !declared.some((poll) => poll.key === key));
    const behind = unlisted.map((key) => known.get(key)!.poll);
    for (const [index, poll] of behind.entries()) {
      await client.query('UPDATE polls SET rank = $2 WHERE key = $1', [poll.key, declared.length + index]);
    }
    const reordered = behind.some((poll, index) => poll.rank !== declared.length + index);
    if (added.length + changed.length > 0 || reordered) {
      await client.query('UPDATE system SET polls_revision = polls_revision + 1');
    }
    return { added: added.map(({ key }) => key), changed: changed.map(({ key }) => key), unlisted };
  });
}

function refusedChanges({ poll: before, timesFrozen }: StoredPoll, after: Poll): RefusedChange[] {
  const refused: RefusedChange[] = [];
  const refuse = (field: string, message: string) => refused.push({ poll: after.key, field, message });
  const keys = (poll: Poll) => poll.options.map((option) => option.key).sort();
  const had = keys(before);
  const has = keys(after);
  if (JSON.stringify(had) !== JSON.stringify(has)) {
    refuse(
      'options',
      `the options of a published poll are frozen: they are ${had.join(', ')}; start a new poll instead`,
    );
  }
  if (before.eligibility !== after.eligibility) {
    refuse('eligibility', `the eligibility of a published poll is frozen: it is ${before.eligibility}`);
  }
  if (before.choices.min !== after.choices.min || before.choices.max !== after.choices.max) {
    const { min, max } = before.choices;
    refuse(
      'choices',
      `the number of choices of a published poll is frozen: it is { min: ${min}, max: ${max} }`,
    );
  }
  if (before.results !== after.results) {
    refuse('results', `when a published poll shows its results is frozen: it is ${before.results}`);
  }
  if (timesFrozen) {
    for (const field of ['opensAt', 'closesAt'] as const) {
      if (before[field] !== after[field])
        refuse(field, 'the poll is closed, or closes within 5 seconds: its times can no longer change');
    }
  }
  return refused;
}

async function storePoll(client: Queryable, poll: Poll): Promise<void> {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  await client.query(
    `INSERT INTO polls (key, rank, question, eligibility, choices_min, choices_max, results, opens_at, closes_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (key) DO UPDATE SET rank = excluded.rank, question = excluded.question,
       opens_at = excluded.opens_at, closes_at = excluded.closes_at`,
    [
      poll.key,
      poll.rank,
      poll.question,
      poll.eligibility,
      poll.choices.min,
      poll.choices.max,
      poll.results,
      time(poll.opensAt),
      time(poll.closesAt),
    ],
  );
  for (const [rank, option] of poll.options.entries()) {
    await client.query(
      `INSERT INTO poll_options (poll, key, rank, label) VALUES ($1, $2, $3, $4)
       ON CONFLICT (poll, key) DO UPDATE SET rank = excluded.rank, label = excluded.label`,
      [poll.key, option.key, rank, option.label],
    );
  }
}
