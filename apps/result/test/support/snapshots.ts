import type { PartitionFreshness, PollTally, TallySnapshot } from '@hbf/ballot-store/read-tallies';
import type { Poll } from '@hbf/contracts/poll';
import { makePoll } from '@hbf/contracts/testing';

export const NOW = Date.parse('2026-06-01T12:00:00Z');

export const pollOf = (over: Partial<Poll> = {}): Poll => makePoll('best-friend', over);

export function keptOf(over: Partial<PollTally> = {}): PollTally {
  return { poll: pollOf(), votes: [2, 1], turnout: 3, phase: 'open', closedEverywhere: false, ...over };
}

/** A partition whose owner said a tenth of a second ago that nothing is queued. */
export function partitionOf(over: Partial<PartitionFreshness> = {}): PartitionFreshness {
  return {
    partition: 0,
    heartbeatAt: NOW - 100,
    queued: 0,
    oldestQueuedMs: null,
    recordedUpTo: NOW - 60_000,
    ...over,
  };
}

export function snapshotOf(over: Partial<TallySnapshot> = {}): TallySnapshot {
  return { now: NOW, polls: [keptOf()], partitions: [partitionOf()], ...over };
}
