import { within } from '@hbf/ballot-stream/connection';
import type { ReadEntry } from '@hbf/ballot-stream/entry';
import { peekPartition, readEntries, trimPartition } from '@hbf/ballot-stream/partition';
import type { Redis } from 'ioredis';
import { ANSWER_WITHIN_MS, type HeldPartition, type OwnerDeps } from './held-partition.ts';
import { type BatchPlan, planBatch } from './plan-batch.ts';
import { recordBatch } from './record-batch.ts';

// Short, so that a partition that is given up is free soon.
const BLOCK_MS = 200;
const MOST_ENTRIES_PER_READ = 4_000;
// More than one batch, so that a batch is full although entries differ in size.
const BALLOTS_PER_READ = 6_000;

/** Waits a moment for entries behind the position. @returns none if none came. */
export async function readQueued(reader: Redis, held: HeldPartition): Promise<ReadEntry[]> {
  try {
    const entries = await within(
      BLOCK_MS + ANSWER_WITHIN_MS,
      readEntries(reader, held.partition, held.position, held.entriesPerRead, BLOCK_MS),
      'reading the stream',
    );
    const ballots = countBallots(entries);
    if (ballots > 0) {
      const wanted = Math.ceil((BALLOTS_PER_READ * entries.length) / ballots);
      // At most doubled: the next entries may be fuller.
      const most = Math.min(MOST_ENTRIES_PER_READ, 2 * held.entriesPerRead);
      held.entriesPerRead = Math.max(1, Math.min(most, wanted));
    }
    return entries;
  } catch (error) {
    // A read that was given up may still answer: the connection must not be used for another one. Fewer next time: what
    // is too much to be read in time would otherwise be tried for ever.
    reader.disconnect(true);
    held.entriesPerRead = Math.max(1, Math.floor(held.entriesPerRead / 4));
    throw error;
  }
}

/** Records entries that were read at the position, and moves there. */
export async function carryBallots(
  deps: OwnerDeps,
  held: HeldPartition,
  entries: readonly ReadEntry[],
): Promise<void> {
  const { metrics } = deps;
  const { partition, epoch, position, log } = held;
  const batch = await plan(deps, held, entries);
  const result = await recordBatch(held.session, { partition, epoch, position }, batch, deps.reach);
  held.position = batch.to;
  held.accepted = batch.accepted;
  held.appended = Math.max(held.appended, batch.accepted);
  if (result.recorded > 0) held.turnout.grown = true;

  if (batch.missing > 0) {
    const { missing } = batch;
    log.error({ missing, position }, 'accepted ballots are missing in the stream: they show as drift');
  }
  if (result.rejected > 0) {
    const { rejected } = result;
    log.error({ rejected, position }, 'ballots were rejected: see the table rejected_ballots');
  }
  if (result.foreign > 0) {
    const { foreign } = result;
    log.warn(
      { foreign, position },
      'somebody put entries into the stream by hand: see the table rejected_ballots',
    );
  }
  metrics.recorded.inc(result.recorded + result.superseded);
  metrics.superseded.inc(result.superseded);
  metrics.rejected.inc(result.rejected + result.foreign);
  metrics.foreignEntries.inc(result.foreign);
  metrics.batchSize.observe(batch.ballots.length + batch.rejections.length);
  const now = held.clock.now();
  const oldest = entries.find((entry) => entry.kind === 'ballots');
  if (now !== undefined && oldest) {
    metrics.commitDelay.observe(Math.max(0, now - oldest.acceptedAt) / 1_000);
  }

  try {
    await within(
      ANSWER_WITHIN_MS,
      trimPartition(deps.redis, partition, held.position),
      'trimming the stream',
    );
  } catch (error) {
    // What is left is behind the position, and goes with the next batch's trimming.
    log.warn({ err: error }, 'recorded entries could not be trimmed yet');
  }
  deps.reach('trimmed');
}

async function plan(deps: OwnerDeps, held: HeldPartition, entries: readonly ReadEntry[]): Promise<BatchPlan> {
  const { publication } = deps;
  const { partition, accepted } = held;
  // Asked after the entries were read: whatever vote appended is in this total already. An entry with a higher one was
  // made up; taken at its word, it would put the ballots that come later in the wrong.
  const view = await within(
    ANSWER_WITHIN_MS,
    peekPartition(deps.redis, partition, held.position),
    'looking at the stream',
  );
  if (view.accepted === undefined || (held.openFor !== undefined && view.runId !== held.openFor)) {
    held.setOpen(undefined);
    throw new Error('the state of this partition in Redis has changed: preparing it again');
  }
  const standing = { partition, partitions: deps.system.partitions, accepted, ceiling: view.accepted };
  const first = planBatch(entries, { ...standing, polls: publication.byKey });
  if (first.unknownPolls.size === 0) return first;
  // Another worker may have published a poll that this one has not heard of yet.
  await publication.refresh(held.session);
  return planBatch(entries, { ...standing, polls: publication.byKey });
}

function countBallots(entries: readonly ReadEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'ballots' ? entry.ballots.length : 1), 0);
}

/** As many entries from the start as hold at most `limit` ballots, and at least one. */
export function firstBallots(entries: readonly ReadEntry[], limit: number): readonly ReadEntry[] {
  let ballots = 0;
  for (const [index, entry] of entries.entries()) {
    ballots += entry.kind === 'ballots' ? entry.ballots.length : 1;
    if (ballots > limit) return entries.slice(0, Math.max(1, index));
  }
  return entries;
}
