import type { BallotToRecord } from '@hbf/ballot-store/record-ballots';
import type { Rejection } from '@hbf/ballot-store/reject-ballots';
import type { ReadEntry } from '@hbf/ballot-stream/entry';
import { partitionOf } from '@hbf/contracts/ballot';
import { type ChoiceFault, choiceFault, type Poll } from '@hbf/contracts/poll';

/** What a batch will do to its partition. Pure data: planning touches no store. */
export type BatchPlan = {
  /** The id of the last entry. */
  to: string;
  /** The accepted total after it. */
  accepted: number;
  /** Valid ballots in the order of their identity; a voter may come several times. */
  ballots: BallotToRecord[];
  rejections: Rejection[];
  /** Accepted ballots whose entries are missing before one of these entries: they show as drift. */
  missing: number;
  /** Polls that are not in `polls`. If there are any, read the polls again before this plan is used. */
  unknownPolls: Set<string>;
};

/** What must be known of the partition to plan. */
export type Standing = {
  partition: number;
  partitions: number;
  /** The accepted total at the position. */
  accepted: number;
  polls: ReadonlyMap<string, Poll>;
  /** The accepted total that Redis itself has, if it was asked: no entry of vote's has a higher one. */
  ceiling?: number;
};

/** Decides for every ballot of the entries whether it can be recorded; whatever cannot is rejected with its reason. */
export function planBatch(entries: readonly ReadEntry[], standing: Standing): BatchPlan {
  const plan: BatchPlan = {
    to: entries.at(-1)!.id,
    accepted: standing.accepted,
    ballots: [],
    rejections: [],
    missing: 0,
    unknownPolls: new Set(),
  };
  for (const entry of entries) {
    if (entry.kind === 'foreign') {
      plan.rejections.push({ entryId: entry.id, index: -1, reason: entry.reason, content: entry.content });
      continue;
    }
    const expected = plan.accepted + entry.ballots.length;
    if (entry.total < expected || entry.total > (standing.ceiling ?? Number.POSITIVE_INFINITY)) {
      // The append script only ever raises the total, and stores it: this is a copy, or a forgery.
      plan.rejections.push({
        entryId: entry.id,
        index: -1,
        reason: `the entry's total ${entry.total} does not follow ${plan.accepted}: it was not appended by vote`,
        content: Buffer.from(JSON.stringify(entry.ballots)),
      });
      continue;
    }
    plan.missing += entry.total - expected;
    plan.accepted = entry.total;
    const poll = standing.polls.get(entry.poll);
    if (!poll) plan.unknownPolls.add(entry.poll);
    for (const [index, ballot] of entry.ballots.entries()) {
      const reason =
        'malformed' in ballot
          ? ballot.malformed
          : !poll
            ? 'there is no such poll'
            : partitionOf(ballot.voter, standing.partitions) !== standing.partition
              ? 'the voter belongs to another partition'
              : describe(choiceFault(poll, ballot.choices));
      if (reason !== undefined || 'malformed' in ballot) {
        const content =
          'content' in ballot ? ballot.content : describeBallot({ ...ballot, poll: entry.poll });
        plan.rejections.push({ entryId: entry.id, index, reason: reason!, content });
      } else {
        plan.ballots.push({ ...ballot, poll: entry.poll, entryId: entry.id, index });
      }
    }
  }
  return plan;
}

/** A ballot as an operator can read it in `rejected_ballots`. */
export function describeBallot(ballot: Pick<BallotToRecord, 'poll' | 'voter' | 'choices'>): Buffer {
  const { poll, voter, choices } = ballot;
  return Buffer.from(JSON.stringify({ poll, voter: voter.toString('hex'), choices }));
}

/**
 * Keeps the last ballot of each voter in each poll. The order of the input decides; one statement cannot change a row
 * twice (ON CONFLICT raises an error).
 */
export function lastOfEachVoter(ballots: readonly BallotToRecord[]): BallotToRecord[] {
  const last = new Map<string, BallotToRecord>();
  for (const ballot of ballots) last.set(`${ballot.poll} ${ballot.voter.toString('latin1')}`, ballot);
  return [...last.values()];
}

function describe(fault: ChoiceFault | undefined): string | undefined {
  switch (fault?.fault) {
    case undefined:
      return undefined;
    case 'unknown-choice':
      return 'a choice is not an option of the poll';
    case 'repeated-choice':
      return 'a choice is there twice';
    case 'too-few-choices':
      return `there are fewer choices than ${fault.min}`;
    case 'too-many-choices':
      return `there are more choices than ${fault.max}`;
  }
}
