import { inTransaction, type Queryable } from '@hbf/ballot-store/connection';
import { movePosition } from '@hbf/ballot-store/move-position';
import { notifyTally } from '@hbf/ballot-store/notify-tally';
import { type BallotToRecord, recordBallots } from '@hbf/ballot-store/record-ballots';
import { type Rejection, rejectBallots } from '@hbf/ballot-store/reject-ballots';
import type { Reach } from './failpoint.ts';
import { type BatchPlan, describeBallot, lastOfEachVoter } from './plan-batch.ts';

/** Somebody else moved the partition's position: this session's picture of it is wrong. */
export class PositionMoved extends Error {
  override name = 'PositionMoved';
}

/** `rejected` are accepted ballots; `foreign` entries were put in by hand, and nobody was told anything of them. */
export type BatchResult = { recorded: number; superseded: number; rejected: number; foreign: number };

/**
 * Records a batch in one transaction: position, ballots, tallies, rejections, notification. Either all of it is
 * committed, or nothing.
 *
 * Every ballot of the plan was checked, so a data error means that a check is missing. Then the batch is split until
 * the culprit stands alone; it is rejected with the error as reason, and the rest is recorded.
 *
 * @throws PositionMoved; whatever the session throws.
 */
export async function recordBatch(
  session: Queryable,
  owner: { partition: number; epoch: number; position: string },
  plan: BatchPlan,
  reach: Reach,
): Promise<BatchResult> {
  try {
    return await commit(session, owner, plan, reach, (ballots) =>
      recordTogether(session, owner.partition, ballots),
    );
  } catch (error) {
    if (!isDataError(error)) throw error;
    return await commit(session, owner, plan, reach, (ballots) =>
      recordSplit(session, owner.partition, ballots),
    );
  }
}

type Recorded = Pick<BatchResult, 'recorded' | 'superseded'> & { culprits: Rejection[] };

async function commit(
  session: Queryable,
  owner: { partition: number; epoch: number; position: string },
  plan: BatchPlan,
  reach: Reach,
  record: (ballots: readonly BallotToRecord[]) => Promise<Recorded>,
): Promise<BatchResult> {
  const result = await inTransaction(session, async () => {
    reach('begun');
    const { partition, epoch, position: from } = owner;
    if (!(await movePosition(session, { partition, epoch, from, to: plan.to, accepted: plan.accepted }))) {
      throw new PositionMoved(`partition ${partition} is not at ${from} any more`);
    }
    reach('moved');
    const { culprits, ...counts } = await record(plan.ballots);
    reach('recorded');
    const rejections = [...plan.rejections, ...culprits];
    if (rejections.length > 0) {
      await rejectBallots(session, partition, rejections);
      reach('rejected');
    }
    await notifyTally(session);
    reach('notified');
    const foreign = rejections.filter(({ index }) => index < 0).length;
    return { ...counts, rejected: rejections.length - foreign, foreign };
  });
  reach('committed');
  return result;
}

async function recordTogether(
  session: Queryable,
  partition: number,
  ballots: readonly BallotToRecord[],
): Promise<Recorded> {
  if (ballots.length === 0) return { recorded: 0, superseded: 0, culprits: [] };
  const counts = await recordBallots(session, partition, lastOfEachVoter(ballots), ballots.length);
  return { ...counts, culprits: [] };
}

async function recordSplit(
  session: Queryable,
  partition: number,
  ballots: readonly BallotToRecord[],
): Promise<Recorded> {
  if (ballots.length === 0) return { recorded: 0, superseded: 0, culprits: [] };
  await session.query('SAVEPOINT part');
  try {
    const recorded = await recordTogether(session, partition, ballots);
    await session.query('RELEASE SAVEPOINT part');
    return recorded;
  } catch (error) {
    if (!isDataError(error)) throw error;
    await session.query('ROLLBACK TO SAVEPOINT part');
    if (ballots.length === 1) {
      const { entryId, index } = ballots[0]!;
      const reason = `the database refused it: ${(error as Error).message}`;
      const culprit = { entryId, index, reason, content: describeBallot(ballots[0]!) };
      return { recorded: 0, superseded: 0, culprits: [culprit] };
    }
    const middle = Math.ceil(ballots.length / 2);
    // In this order: a voter's later ballot must find the earlier one recorded.
    const first = await recordSplit(session, partition, ballots.slice(0, middle));
    const second = await recordSplit(session, partition, ballots.slice(middle));
    return {
      recorded: first.recorded + second.recorded,
      superseded: first.superseded + second.superseded,
      culprits: [...first.culprits, ...second.culprits],
    };
  }
}

/**
 * Whether a ballot is at fault, so that trying again cannot help: SQLSTATE class 22 (data exception), or 23 (integrity
 * constraint violation) of the ballots themselves. A constraint of another table says that somebody tampered with the
 * tallies: then no ballot may be rejected for it.
 */
function isDataError(error: unknown): boolean {
  const { code, table } = error as { code?: unknown; table?: unknown };
  return typeof code === 'string' && (/^22/.test(code) || (/^23/.test(code) && table === 'ballots'));
}
