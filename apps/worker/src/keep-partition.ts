import { notePollClosing } from '@hbf/ballot-store/close-poll';
import { beat } from '@hbf/ballot-store/heartbeat';
import { movePosition } from '@hbf/ballot-store/move-position';
import { within } from '@hbf/ballot-stream/connection';
import { compareEntryIds } from '@hbf/ballot-stream/entry-id';
import {
  closePoll,
  EpochSuperseded,
  type PartitionView,
  peekPartition,
  publishDefinitions,
} from '@hbf/ballot-stream/partition';
import { DELAYED_AFTER_MS } from '@hbf/contracts/tally';
import { ANSWER_WITHIN_MS, type HeldPartition, type OwnerDeps } from './held-partition.ts';
import { publishPartitionPolls, requireDurability } from './prepare-partition.ts';
import { PositionMoved } from './record-batch.ts';

/**
 * What the owner of a partition does every second, after it has read the stream: looks at Redis's state, writes the
 * heartbeat, closes polls whose time has come, publishes changed ones. If the state in Redis is not as it was left,
 * or a store is not durable any more, the partition is no longer open for anybody.
 *
 * @throws NotDurable, EpochSuperseded, PositionMoved, or whatever the stores throw.
 */
export async function keepPartition(deps: OwnerDeps, held: HeldPartition): Promise<void> {
  const { redis, metrics } = deps;
  const { partition, epoch, session, log } = held;
  const view = await within(
    ANSWER_WITHIN_MS,
    peekPartition(redis, partition, held.position),
    'looking at the stream',
  );
  held.clock.learn(view.now);
  if (view.epoch !== undefined && view.epoch > epoch) {
    throw new EpochSuperseded(partition, String(view.epoch));
  }
  const total = view.accepted;
  if (
    total === undefined ||
    total < held.appended ||
    view.runId !== held.openFor ||
    view.epoch !== epoch ||
    view.told !== undefined ||
    compareEntryIds(view.newest, held.position) < 0
  ) {
    log.error('the state of this partition in Redis is gone or another: preparing it again');
    held.setOpen(undefined);
    return;
  }
  try {
    await requireDurability({ ...deps, session }, partition, epoch);
  } catch (error) {
    held.setOpen(undefined);
    throw error;
  }
  if (view.firstQueued === undefined) await settle(held, view.newest, total);
  held.appended = Math.max(held.appended, total);

  const oldestQueuedMs = ageOfOldest(held, view);
  const beaten = await beat(session, { partition, epoch, appended: total, oldestQueuedMs });
  if (beaten === undefined) throw new PositionMoved(`partition ${partition} has a later owner`);
  if (beaten.drift !== 0 && beaten.drift !== held.drift) {
    log.error({ drift: beaten.drift }, 'ballots do not add up: the drift is not 0');
  }
  held.drift = beaten.drift;
  metrics.queueLength.set({ partition }, Math.max(0, total - held.accepted));
  metrics.queueAge.set({ partition }, (oldestQueuedMs ?? 0) / 1_000);
  metrics.drift.set({ partition }, beaten.drift);
  metrics.unknownLoss.set({ partition }, Number(beaten.lossIsLowerBound));

  // In this order: a poll whose end was moved on in time must not be closed at its old one.
  await publishChanges(deps, held);
  await closePolls(deps, held);
}

// Redis's clock was set back since it was accepted. To take it for new would call a tally live that may be an hour behind.
const UNKNOWN_AGE_MS = DELAYED_AFTER_MS + 1;

/**
 * The age of the oldest queued ballot (ms): by the time in its entry and Redis's clock, but at least as long as it is seen
 * waiting here. Where that time is still to come, the age is unknown, and more than {@link DELAYED_AFTER_MS}.
 */
function ageOfOldest(held: HeldPartition, { now, firstQueued }: PartitionView): number | null {
  if (firstQueued === undefined) {
    held.front = undefined;
    return null;
  }
  const seenAt = performance.now();
  if (held.front?.id !== firstQueued.id) held.front = { id: firstQueued.id, since: seenAt };
  const told = now - firstQueued.acceptedAt;
  return Math.round(Math.max(told < 0 ? UNKNOWN_AGE_MS : told, seenAt - held.front.since));
}

/**
 * Nothing is queued behind the position: whatever the stream's newest id and the total say beyond it will never come.
 * Moving there makes a loss visible at once, lets receipts of lost ballots say so, and lets polls become final.
 */
async function settle(held: HeldPartition, newest: string, total: number): Promise<void> {
  const { partition, epoch, position, accepted, session, log } = held;
  if (newest === position && total === accepted) return;
  if (!(await movePosition(session, { partition, epoch, from: position, to: newest, accepted: total }))) {
    throw new PositionMoved(`partition ${partition} is not at ${position} any more`);
  }
  if (total > accepted) {
    const missing = total - accepted;
    log.error({ missing }, 'accepted ballots are no longer in the stream: they show as drift');
  }
  held.position = newest;
  held.accepted = total;
}

async function publishChanges({ redis, publication }: OwnerDeps, held: HeldPartition): Promise<void> {
  const { revision, polls } = publication;
  if (held.publishedRevision === revision) return;
  await publishPartitionPolls(redis, held.partition, held.epoch, publication);
  await publishDefinitions(
    redis,
    revision,
    polls.map(({ poll }) => poll),
  );
  held.publishedRevision = revision;
  held.log.info({ revision }, 'the polls are published');
}

async function closePolls({ redis, publication }: OwnerDeps, held: HeldPartition): Promise<void> {
  const { partition, epoch, closings, session, log } = held;
  for (const { poll, closing } of publication.polls) {
    if (closings.has(poll.key) || (poll.closesAt === null && !closing)) continue;
    const newest = await closePoll(redis, partition, epoch, poll.key, closing);
    if (newest === undefined) continue;
    await notePollClosing(session, poll.key, partition, newest);
    closings.add(poll.key);
    log.info({ poll: poll.key, newest }, 'the poll is closed in this partition');
  }
}
