import type { ReceiptStatus } from '@hbf/contracts/tally';
import type { Queryable } from './connection.ts';
import { halves } from './entry-position.ts';

/** What has become of the ballot that a receipt names: found by primary keys, in one snapshot. */
export async function findBallot(
  client: Queryable,
  ballot: { poll: string; voter: Buffer; partition: number; entryId: string; index: number },
): Promise<ReceiptStatus> {
  const { rows } = await client.query<{
    same: boolean | null;
    later: boolean | null;
    processed: boolean | null;
    reason: string | null;
  }>({
    name: 'find-ballot',
    text: FIND,
    values: [ballot.poll, ballot.voter, ballot.partition, ...halves(ballot.entryId), ballot.index],
  });
  const { same, later, processed, reason } = rows[0]!;
  if (same) return { status: 'counted' };
  if (reason !== null) return { status: 'rejected', reason };
  if (later) return { status: 'superseded' };
  if (!processed) return { status: 'queued' };
  return {
    status: 'lost',
    reason: 'The ballot was accepted, but Redis no longer had it when it was to be recorded.',
  };
}

const FIND = `
SELECT
  (b.entry_ms, b.entry_seq, b.entry_index) = ($4::numeric, $5::numeric, $6::smallint) AS same,
  (b.entry_ms, b.entry_seq, b.entry_index) > ($4::numeric, $5::numeric, $6::smallint) AS later,
  (s.position_ms, s.position_seq) >= ($4::numeric, $5::numeric) AS processed,
  coalesce(r.reason, f.reason) AS reason
FROM (SELECT 1) AS one
LEFT JOIN partitions s ON s.partition = $3
LEFT JOIN ballots b ON b.poll = $1 AND b.voter = $2 AND b.partition = $3
LEFT JOIN rejected_ballots r
  ON r.partition = $3 AND r.entry_ms = $4 AND r.entry_seq = $5 AND r.entry_index = $6
LEFT JOIN rejected_ballots f
  ON f.partition = $3 AND f.entry_ms = $4 AND f.entry_seq = $5 AND f.entry_index = -1`;
