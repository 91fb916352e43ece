import { within } from '@hbf/ballot-stream/connection';
import type { ReadEntry } from '@hbf/ballot-stream/entry';
import { peekPartition, readEntries, trimPartition } from '@hbf/ballot-stream/partition';
import type { Redis } from 'ioredis';
import { ANSWER_WITHIN_MS, entryTime, type HeldPartition, type OwnerDeps } from './held-partition.ts';
import { type BatchPlan, planBatch } from './plan-batch.ts';
import { recordBatch } from './record-batch.ts';

// Short, so that a partition that is given up is free soon.
const BLOCK_MS = 200;
const ENTRIES_PER_READ = 256;

/** Waits a moment for entries behind the position. @returns none if none came. */
export async function readQueued(reader: Redis, held: HeldPartition): Promise<ReadEntry[]> {
  try {
    return await within(
      BLOCK_MS + ANSWER_WITHIN_MS,
      readEntries(reader, held.partition, held.position, ENTRIES_PER_READ, BLOCK_MS),
      'reading the stream',
    );
  } catch (error) {
    // A read that was given up may still answer: the connection must not be used for another one.
    reader.disconnect(true);
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

  if (batch.missing > 0) {
    const { missing } = batch;
    log.error({ missing, position }, 'accepted ballots are missing in the stream: they show as drift');
  }
  if (result.rejected > 0) {
    const { rejected } = result;
    log.error({ rejected, position }, 'ballots were rejected: see the table rejected_ballots');
  }
  metrics.recorded.inc(result.recorded + result.superseded);
  metrics.superseded.inc(result.superseded);
  metrics.rejected.inc(result.rejected);
  metrics.batchSize.observe(batch.ballots.length + batch.rejections.length);
  const now = held.clock.now();
  if (now !== undefined) metrics.commitDelay.observe(Math.max(0, now - entryTime(entries[0]!.id)) / 1_000);

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
  const standing = { partition, partitions: deps.system.partitions, accepted };
  const first = planBatch(entries, { ...standing, polls: publication.byKey });
  // Another worker may have published a poll that this one has not heard of yet.
  if (first.unknownPolls.size > 0) await publication.refresh(held.session);
  else if (first.missing === 0) return first;
  // A total that jumps beyond what Redis itself has accepted was made up. Taken at its word, it would make every
  // ballot that comes later look like a forgery.
  const view = await within(
    ANSWER_WITHIN_MS,
    peekPartition(deps.redis, partition, held.position),
    'looking at the stream',
  );
  const ceiling = Math.max(view.accepted ?? 0, held.appended);
  return planBatch(entries, { ...standing, polls: publication.byKey, ceiling });
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
