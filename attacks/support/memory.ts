import type { LocalReplica } from '@hbf/drills/system/replica';

/** The resident memory of a replica by its own metrics (MB). */
export async function residentMegabytes(replica: LocalReplica): Promise<number> {
  const line = /^process_resident_memory_bytes (\S+)/m.exec(await replica.metrics());
  return Number(line![1]) / 1e6;
}

/** The value of a series in a replica's metrics. @param name with its labels, as they stand there. */
export async function gauge(replica: LocalReplica, name: string): Promise<number> {
  const lines = (await replica.metrics()).split('\n');
  return Number(lines.find((line) => line.startsWith(`${name} `))!.slice(name.length));
}
