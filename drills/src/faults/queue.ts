import { partitionKeys } from '@hbf/ballot-stream/keys';
import type { System } from '../system/system.ts';
import { running } from './fault.ts';
import { PARTITIONS } from './foreign.ts';

/** What waits in the stream of a partition, in order. `text` is all that stands in the entry. */
export type Queue = { id: string; text: string }[];

/**
 * Stops every worker with SIGSTOP, so that ballots queue up, has `work` done, and lets the workers go on.
 * `queues` tells for each partition what has come since and will be read at once, in one batch.
 */
export async function whileQueueing<T>(
  system: System,
  work: (queues: () => Promise<Queue[]>) => Promise<T>,
): Promise<T> {
  const workers = running(system, 'worker');
  const ofEach = <R>(read: (stream: string, partition: number) => Promise<R>) =>
    Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => read(partitionKeys(partition).ballots, partition)),
    );
  try {
    await Promise.all(workers.map((worker) => worker.pause()));
    const newest = await ofEach(async (stream) => {
      const [last] = await readEntries(system, 'XREVRANGE', stream, '+', '-', 'COUNT', '1');
      return last ? `(${last.id}` : '-';
    });
    return await work(() =>
      ofEach(async (stream, partition) => {
        const entries = await readEntries(system, 'XRANGE', stream, newest[partition]!, '+');
        // A worker that was waiting for one was sent the first at once, alone.
        return entries.slice(1);
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.resume()));
  }
}

async function readEntries({ redis }: System, ...command: string[]): Promise<Queue> {
  const entries = (await redis.command(...command)) as [id: string, fields: string[]][];
  return entries.map(([id, fields]) => ({ id, text: fields.join(' ') }));
}
