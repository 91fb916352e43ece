import type { PartitionFreshness, PollTally, TallySnapshot } from '@hbf/ballot-store/read-tallies';
import type { Poll } from '@hbf/contracts/poll';

export const NOW = Date.parse('2026-06-01T12:00:00Z');

export function pollOf(over: Partial<Poll> = {}): Poll {
  return {
    key: 'best-friend',
    rank: 0,
    question: 'Cats or dogs?',
    options: [
      { key: 'a', label: 'Cats' },
      { key: 'b', label: 'Dogs' },
    ],
    eligibility: 'browser',
    choices: { min: 1, max: 1 },
    results: 'always',
    opensAt: null,
    closesAt: null,
    ...over,
  };
}

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
