import { Poll } from '@hbf/contracts/poll';
import type { Queryable } from './connection.ts';

/** A poll as stored. */
export type StoredPoll = {
  poll: Poll;
  /** Some partition has closed it: it is closed for good, and every other partition must follow. */
  closing: boolean;
  /** Closed, or too near to it to tell all partitions of a change in time. */
  timesFrozen: boolean;
};

/** All polls in order, with their revision: it grows with every change of any of them. */
export async function readPublication(client: Queryable): Promise<{ revision: number; polls: StoredPoll[] }> {
  // The revision first: should a change come in between, it is an old revision with new polls, and read again.
  const { rows } = await client.query<{ revision: number }>('SELECT polls_revision AS revision FROM system');
  return { revision: rows[0]!.revision, polls: await readPolls(client) };
}

/** The polls in order. */
export async function readPolls(client: Queryable): Promise<StoredPoll[]> {
  const { rows } = await client.query<StoredPoll>({
    name: 'read-polls',
    text: READ_POLLS,
  });
  return rows.map((row) => ({ ...row, poll: Poll.parse(row.poll) }));
}

/** A poll as the contracts have it, from the tables `polls p` and `poll_options`. */
export const POLL_AS_JSON = `
  json_build_object(
    'key', p.key, 'rank', p.rank, 'question', p.question,
    'options', (
      SELECT json_agg(json_build_object('key', o.key, 'label', o.label) ORDER BY o.rank)
      FROM poll_options o WHERE o.poll = p.key
    ),
    'eligibility', p.eligibility,
    'choices', json_build_object('min', p.choices_min, 'max', p.choices_max),
    'results', p.results,
    'opensAt', round(extract(epoch FROM p.opens_at) * 1000),
    'closesAt', round(extract(epoch FROM p.closes_at) * 1000)
  )`;

const READ_POLLS = `
SELECT ${POLL_AS_JSON} AS poll, closing,
  closing OR coalesce(clock_timestamp() + interval '5 seconds' >= p.closes_at, false) AS "timesFrozen"
FROM polls p
CROSS JOIN LATERAL (
  SELECT EXISTS (SELECT 1 FROM poll_closings c WHERE c.poll = p.key) AS closing
) AS c
ORDER BY p.rank, p.key`;
