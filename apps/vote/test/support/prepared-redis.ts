import { connectRedis, readRunId, untilReady } from '@hbf/ballot-stream/connection';
import {
  openPartition,
  publishDefinitions,
  publishPolls,
  readEntries,
  tieSystem,
} from '@hbf/ballot-stream/partition';
import { createProducer, type Producer } from '@hbf/ballot-stream/producer';
import type { Poll } from '@hbf/contracts/poll';
import { startTestRedis } from '@hbf/local-services/testing';
import { afterAll } from 'vitest';

export const PARTITIONS = 2;

/** A real Redis, and the hand of a worker that prepares it. Call at the top level of a test file. */
export async function startPreparedRedis(polls: readonly Poll[]) {
  const server = await startTestRedis();
  const worker = connectRedis(server.url, () => {});
  let epoch = 0;

  /** Does what a worker does when it takes over or Redis was restarted. */
  const prepare = async (declared: readonly Poll[] = polls) => {
    await untilReady(worker, 10_000);
    epoch += 1;
    const runId = await readRunId(worker);
    await tieSystem(worker, { id: 'test-system', partitions: PARTITIONS });
    await publishDefinitions(worker, epoch, declared);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const times = declared.map(({ key, opensAt, closesAt }) => ({ key, opensAt, closesAt, closed: false }));
      await publishPolls(worker, partition, epoch, times);
      await openPartition(worker, partition, { runId, epoch, position: '0-0', acceptedAtLeast: 0 });
    }
  };

  /** Everything that the streams hold. */
  const ballots = async () => {
    const found: { poll: string; voter: string; choices: string[]; partition: number; entryId: string }[] =
      [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (const entry of await readEntries(worker, partition, '0-0', 10_000, 1)) {
        if (entry.kind !== 'ballots') throw new Error(entry.reason);
        for (const ballot of entry.ballots) {
          if ('malformed' in ballot) throw new Error(ballot.malformed);
          const { voter, choices } = ballot;
          found.push({
            poll: entry.poll,
            voter: voter.toString('hex'),
            choices,
            partition,
            entryId: entry.id,
          });
        }
      }
    }
    return found;
  };

  const startProducer = (): Producer => {
    const producer = createProducer({ url: server.url, log: { warn() {}, info() {} } });
    afterAll(() => producer.close());
    return producer;
  };

  afterAll(() => worker.disconnect());
  return { server, prepare, ballots, startProducer };
}
