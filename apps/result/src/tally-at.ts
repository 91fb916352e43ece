import type { PartitionFreshness, PollTally } from '@hbf/ballot-store/read-tallies';
import { type Phase, phaseAt } from '@hbf/contracts/poll';
import { DELAYED_AFTER_MS, type Freshness, STALE_AFTER_MS, type Tally } from '@hbf/contracts/tally';
import type { TakenSnapshot } from './taken-snapshot.ts';

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

/** That of the worst partition. */
function freshnessOf(taken: TakenSnapshot, now: number): Pick<Tally, 'asOf' | 'queued' | 'status'> {
  const { partitions } = taken.snapshot;
  const all = partitions.map((partition) => partitionAt(taken, partition, now));
  return {
    asOf: new Date(all.length === 0 ? 0 : Math.min(...all.map(({ asOf }) => asOf))).toISOString(),
    queued: partitions.reduce((sum, { queued }) => sum + queued, 0),
    status: worst(all.length === 0 ? ['stale'] : all.map(({ status }) => status)),
  };
}

/**
 * Of a partition without a heartbeat, or with one of any age, nothing is known but the acceptance of its last recorded
 * ballot: what it accepted before that is in the tally, since it is recorded in order. Before its first ballot that is
 * 1970, which promises nothing.
 */
function partitionAt(
  { snapshot, heartbeats }: TakenSnapshot,
  { partition, oldestQueuedMs, recordedUpTo }: PartitionFreshness,
  now: number,
): { asOf: number; status: Freshness } {
  const heartbeat = heartbeats.get(partition);
  const age = heartbeat ? now - heartbeat.since : Number.POSITIVE_INFINITY;
  const asOf =
    heartbeat && Number.isFinite(age)
      ? heartbeat.asOf - (oldestQueuedMs ?? 0)
      : Math.min(recordedUpTo, snapshot.now);
  if (age > STALE_AFTER_MS) return { asOf, status: 'stale' };
  const behind = oldestQueuedMs !== null && oldestQueuedMs + age > DELAYED_AFTER_MS;
  return { asOf, status: behind ? 'delayed' : 'live' };
}

function worst(all: Freshness[]): Freshness {
  return (['stale', 'delayed'] as const).find((status) => all.includes(status)) ?? 'live';
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
