import type { Queryable } from './connection.ts';
import { halves } from './entry-position.ts';

/** A ballot to be recorded: checked, and the last of its voter and poll in the batch. */
export type BallotToRecord = {
  poll: string;
  /** 16 bytes. */
  voter: Buffer;
  choices: readonly string[];
  entryId: string;
  index: number;
};

/**
 * Records ballots of one partition and adjusts its tallies and turnout, in one statement.
 *
 * Each voter may come once. A ballot replaces the voter's earlier one; the choices that it replaces are kept in the
 * row (`prev`), so that the statement itself knows by how much the tallies change. Sorted by key, so that two writers
 * could wait for each other but never in a circle.
 *
 * @param accepted how many accepted ballots these stand for: with those that they superseded within the batch.
 * @returns how many were a voter's first in the poll, and how many accepted ballots were superseded.
 */
export async function recordBallots(
  client: Queryable,
  partition: number,
  ballots: readonly BallotToRecord[],
  accepted: number,
): Promise<{ recorded: number; superseded: number }> {
  const ids = ballots.map((ballot) => halves(ballot.entryId));
  const { rows } = await client.query<{ recorded: number; superseded: number }>({
    name: 'record-ballots',
    text: RECORD,
    values: [
      partition,
      ballots.map((ballot) => ballot.poll),
      ballots.map((ballot) => ballot.voter),
      // Arrays of unequal length do not fit into unnest: choices go as text. Quoted, or an option "null" would be NULL.
      ballots.map((ballot) => `{${ballot.choices.map((choice) => `"${choice}"`).join(',')}}`),
      ids.map(([ms]) => ms),
      ids.map(([, seq]) => seq),
      ballots.map((ballot) => ballot.index),
      accepted,
    ],
  });
  return rows[0]!;
}

const RECORD = `
WITH input AS (
  SELECT poll, voter, choices::text[] AS choices, entry_ms, entry_seq, entry_index
  FROM unnest($2::text[], $3::bytea[], $4::text[], $5::numeric[], $6::numeric[], $7::smallint[])
    AS t (poll, voter, choices, entry_ms, entry_seq, entry_index)
  ORDER BY poll, voter
), changed AS (
  INSERT INTO ballots AS b (poll, voter, partition, choices, entry_ms, entry_seq, entry_index)
  SELECT poll, voter, $1, choices, entry_ms, entry_seq, entry_index FROM input
  ON CONFLICT (poll, voter) DO UPDATE
  SET prev = b.choices, partition = excluded.partition, choices = excluded.choices,
    entry_ms = excluded.entry_ms, entry_seq = excluded.entry_seq, entry_index = excluded.entry_index
  WHERE (b.entry_ms, b.entry_seq, b.entry_index)
      < (excluded.entry_ms, excluded.entry_seq, excluded.entry_index)
  RETURNING poll, choices, prev
), deltas AS (
  SELECT poll, option, sum(change) AS change
  FROM (
    SELECT poll, unnest(choices) AS option, 1 AS change FROM changed
    UNION ALL
    SELECT poll, unnest(prev), -1 FROM changed
  ) AS votes
  GROUP BY poll, option
  HAVING sum(change) <> 0
), tallied AS (
  INSERT INTO tallies AS t (poll, option, partition, votes)
  SELECT poll, option, $1, greatest(change, 0) FROM deltas ORDER BY poll, option
  ON CONFLICT (poll, option, partition) DO UPDATE
  SET votes = t.votes + (SELECT d.change FROM deltas d WHERE d.poll = t.poll AND d.option = t.option)
), first_ballots AS (
  SELECT poll, count(*) AS voters FROM changed WHERE prev IS NULL GROUP BY poll
), turned_out AS (
  INSERT INTO turnouts AS t (poll, partition, voters)
  SELECT poll, $1, voters FROM first_ballots ORDER BY poll
  ON CONFLICT (poll, partition) DO UPDATE SET voters = t.voters + excluded.voters
), counts AS (
  SELECT coalesce(sum(voters), 0)::bigint AS recorded FROM first_ballots
), conserved AS (
  UPDATE partitions
  SET recorded = partitions.recorded + counts.recorded,
    superseded = partitions.superseded + $8::bigint - counts.recorded,
    recorded_up_to_ms = greatest(partitions.recorded_up_to_ms, (SELECT max(entry_ms) FROM input))
  FROM counts
  WHERE partition = $1
)
SELECT recorded, $8::bigint - recorded AS superseded FROM counts`;
