import { Poll } from '@hbf/contracts/poll';
import type { Queryable } from './connection.ts';

/** A poll as stored. `closed`: its time has come, or some partition has closed it; that holds for good. */
export type StoredPoll = { poll: Poll; closed: boolean };

/** The polls in order. */
export async function readPolls(client: Queryable): Promise<StoredPoll[]> {
  const { rows } = await client.query<{ poll: unknown; closed: boolean }>({
    name: 'read-polls',
    text: READ_POLLS,
  });
  return rows.map(({ poll, closed }) => ({ poll: Poll.parse(poll), closed }));
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
SELECT ${POLL_AS_JSON} AS poll,
  coalesce(clock_timestamp() >= p.closes_at, false)
    OR EXISTS (SELECT 1 FROM poll_closings c WHERE c.poll = p.key) AS closed
FROM polls p
ORDER BY p.rank, p.key`;
