import { readFileSync } from 'node:fs';
import type { LocalReplica } from '@hbf/drills/system/replica';

/** The resident memory of a replica by its own metrics (MB). */
export async function residentMegabytes(replica: LocalReplica): Promise<number> {
  const line = /^process_resident_memory_bytes (\S+)/m.exec(await replica.metrics());
  return Number(line![1]) / 1e6;
}

/**
 * The memory of a replica that the kernel cannot take back (MB), and for want of which it ends the process: without the
 * pages of program files, which it reads anew when they are asked for.
 */
export async function ownMegabytes(replica: LocalReplica): Promise<number> {
  if (process.platform !== 'linux') return residentMegabytes(replica);
  const status = readFileSync(`/proc/${replica.pid}/status`, 'utf8');
  const kilobytes = [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)].map(([, text]) => Number(text));
  return (kilobytes.reduce((sum, each) => sum + each) * 1_024) / 1e6;
}

/** The value of a series in a replica's metrics. @param name with its labels, as they stand there. */
export async function gauge(replica: LocalReplica, name: string): Promise<number> {
  const lines = (await replica.metrics()).split('\n');
  return Number(lines.find((line) => line.startsWith(`${name} `))!.slice(name.length));
}
