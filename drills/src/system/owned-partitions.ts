import type { Replica } from './system.ts';

/** How many partitions a worker says that it owns. @throws if it does not answer. */
export async function ownedPartitions(worker: Pick<Replica, 'metrics'>): Promise<number> {
  const lines = (await worker.metrics()).matchAll(/^ballot_partitions_owned(?:\{[^}]*\})? (\S+)$/gm);
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}
