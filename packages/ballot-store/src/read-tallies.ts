import { type Phase, Poll } from '@hbf/contracts/poll';
import type { Queryable } from './connection.ts';
import { POLL_AS_JSON } from './read-polls.ts';

/** The tally of one poll as kept, summed over the partitions. */
export type PollTally = {
  poll: Poll;
  /** Votes in the order of `poll.options`. Whether they may be shown is the reader's to decide (`poll.results`). */
  votes: number[];
  turnout: number;
  phase: Phase;
  /** Every partition has noted the poll's closing: no ballot is accepted any more, whatever a clock says. */
  closedEverywhere: boolean;
};

/** How current one partition is. */
export type PartitionFreshness = {
  partition: number;
  /**
   * When the owner last read the stream and said so (PostgreSQL's clock then, ms since 1970, with its fractions); null
   * if it never did. Later than `TallySnapshot.now` if that clock was set back since.
   */
  heartbeatAt: number | null;
  /** Accepted and not yet recorded. */
  queued: number;
  /** How old the oldest of those was at the heartbeat (ms), null if there is none. */
  oldestQueuedMs: number | null;
  /** When the last recorded ballot was accepted (Redis's clock, ms since 1970); 0 before the first. */
  recordedUpTo: number;
};

/** One consistent snapshot of everything that the result pages show. */
export type TallySnapshot = {
  /** PostgreSQL's clock, ms since 1970, with its fractions. */
  now: number;
  polls: PollTally[];
  partitions: PartitionFreshness[];
};

/** Reads all tallies: costs as much as there are options, however many ballots there are. */
export async function readTallies(client: Queryable): Promise<TallySnapshot> {
  const { rows } = await client.query<{ now: number; polls: PollTally[]; partitions: PartitionFreshness[] }>({
    name: 'read-tallies',
    text: READ_TALLIES,
  });
  const { now, polls, partitions } = rows[0]!;
  return { now, polls: polls.map((tally) => ({ ...tally, poll: Poll.parse(tally.poll) })), partitions };
}

const READ_TALLIES = `
WITH clock AS (SELECT clock_timestamp() AS now)
SELECT
  (extract(epoch FROM clock.now) * 1000)::float8 AS now,
  coalesce((
    SELECT json_agg(json_build_object(
      'poll', ${POLL_AS_JSON},
      'votes', (
        SELECT json_agg(coalesce((
          SELECT sum(t.votes) FROM tallies t WHERE t.poll = o.poll AND t.option = o.key
        ), 0) ORDER BY o.rank)
        FROM poll_options o WHERE o.poll = p.key
      ),
      'turnout', coalesce((SELECT sum(t.voters) FROM turnouts t WHERE t.poll = p.key), 0),
      'phase', CASE
        WHEN closing.partitions > 0 OR clock.now >= p.closes_at THEN
          CASE WHEN closing.reached = (SELECT s.partitions FROM system s) THEN 'final' ELSE 'closed' END
        WHEN clock.now < p.opens_at THEN 'scheduled'
        ELSE 'open'
      END,
      'closedEverywhere', closing.partitions > 0
        AND closing.partitions = (SELECT s.partitions FROM system s)
    ) ORDER BY p.rank, p.key)
    FROM polls p
    CROSS JOIN LATERAL (
      SELECT count(*) AS partitions,
        count(*) FILTER (WHERE (s.position_ms, s.position_seq) >= (c.entry_ms, c.entry_seq)) AS reached
      FROM poll_closings c JOIN partitions s ON s.partition = c.partition
      WHERE c.poll = p.key
    ) AS closing
  ), '[]') AS polls,
  coalesce((
    SELECT json_agg(json_build_object(
      'partition', s.partition,
      'heartbeatAt', extract(epoch FROM s.heartbeat_at) * 1000,
      'queued', greatest(s.appended - s.accepted, 0),
      'oldestQueuedMs', CASE WHEN s.appended > s.accepted THEN coalesce(s.oldest_queued_ms, 0) END,
      'recordedUpTo', s.recorded_up_to_ms
    ) ORDER BY s.partition)
    FROM partitions s
  ), '[]') AS partitions
FROM clock`;
