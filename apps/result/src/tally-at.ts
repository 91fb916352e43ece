import type { PollTally, TallySnapshot } from '@hbf/ballot-store/read-tallies';
import { type Phase, phaseAt } from '@hbf/contracts/poll';
import { DELAYED_AFTER_MS, type Freshness, STALE_AFTER_MS, type Tally } from '@hbf/contracts/tally';

/** A snapshot and when it was read, on this process's monotonic clock (ms). */
export type TakenSnapshot = { snapshot: TallySnapshot; startedAt: number; finishedAt: number };

const PHASES: readonly Phase[] = ['scheduled', 'open', 'closed', 'final'];

/** What may be told of a poll at a moment of the monotonic clock, long after its snapshot was taken too. */
export function tallyAt(taken: TakenSnapshot, kept: PollTally, now: number): Tally {
  const { poll } = kept;
  // Not by a clock: ballots are accepted by Redis's, and PostgreSQL's may be ahead of it. Votes that are seen while
  // ballots are still accepted would sway them.
  const hidden = poll.results === 'after-close' && !kept.closedEverywhere;
  return {
    poll: poll.key,
    question: poll.question,
    options: poll.options.map(({ key, label }, index) => ({
      key,
      label,
      votes: hidden ? null : kept.votes[index]!,
    })),
    turnout: kept.turnout,
    ...freshnessOf(taken, now),
    phase: phaseOf(taken, kept, now),
    opensAt: isoTime(poll.opensAt),
    closesAt: isoTime(poll.closesAt),
  };
}

/**
 * PostgreSQL's clock is carried on from the end of the read: it may then be a little slow, never fast. A phase never goes back, and a clock alone makes no poll final.
 */
function phaseOf({ snapshot, finishedAt }: TakenSnapshot, { poll, phase }: PollTally, now: number): Phase {
  const byClock = phaseAt(poll, snapshot.now + (now - finishedAt));
  return PHASES.indexOf(byClock) > PHASES.indexOf(phase) ? byClock : phase;
}

/**
 * That of the worst partition. Ages count from the start of the read: they may come out a little too old, never too
 * young.
 *
 * A partition that never had a heartbeat has no `asOf` of its own. The acceptance of its last recorded ballot stands in:
 * what it accepted before that is in the tally, since it is recorded in order. Before its first ballot that is 1970,
 * which promises nothing.
 */
function freshnessOf(
  { snapshot, startedAt }: TakenSnapshot,
  now: number,
): Pick<Tally, 'asOf' | 'queued' | 'status'> {
  const elapsed = now - startedAt;
  const { partitions } = snapshot;
  let status: Freshness = 'live';
  if (
    partitions.some(({ oldestQueuedAgeMs }) => (oldestQueuedAgeMs ?? -elapsed) + elapsed > DELAYED_AFTER_MS)
  ) {
    status = 'delayed';
  }
  if (
    partitions.length === 0 ||
    partitions.some(
      ({ heartbeatAgeMs }) => heartbeatAgeMs === null || heartbeatAgeMs + elapsed > STALE_AFTER_MS,
    )
  ) {
    status = 'stale';
  }
  const asOf = partitions.length === 0 ? 0 : Math.min(...partitions.map((p) => p.asOf ?? p.recordedUpTo));
  return {
    asOf: new Date(asOf).toISOString(),
    queued: partitions.reduce((sum, partition) => sum + partition.queued, 0),
    status,
  };
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
