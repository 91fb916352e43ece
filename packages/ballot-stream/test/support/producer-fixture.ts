import type { Poll } from '@hbf/contracts/poll';
import type { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { readRunId } from '../../src/connection.ts';
import {
  openPartition,
  publishDefinitions,
  publishPolls,
  readEntries,
  tieSystem,
} from '../../src/partition.ts';
import { createProducer, type Producer } from '../../src/producer.ts';

export const PARTITIONS = 2;

/** Opens all partitions for the present run of Redis, as workers do. */
export async function openAll(redis: Redis, polls: readonly Poll[], epoch = 1): Promise<void> {
  const runId = await readRunId(redis);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await publishPolls(
      redis,
      partition,
      epoch,
      polls.map((poll) => ({ ...poll, closed: false })),
    );
    await openPartition(redis, partition, { runId, epoch, position: '0-0', acceptedAtLeast: 0 });
  }
}

/** Does all that workers do before vote can append. */
export async function setUp(redis: Redis, polls: readonly Poll[]): Promise<void> {
  await tieSystem(redis, { id: 'test', partitions: PARTITIONS });
  await publishDefinitions(redis, 1, polls);
  await openAll(redis, polls);
}

/** A producer that is closed after the file's last test, and what it said. */
export function createTestProducer(url: string): Producer & { said: string[] } {
  const said: string[] = [];
  const producer = createProducer({
    url,
    log: { warn: (_, message) => said.push(message), info: (message) => said.push(message) },
  });
  afterAll(() => producer.close());
  return { ...producer, said };
}

let voters = 0;
/** A voter of the given partition whom no other ballot of the file has. */
export function newVoter(partition = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(partition, 0);
  bytes.writeUInt32BE(++voters, 12);
  return bytes;
}

/** Every ballot that stands in the streams, with its identity, in order. */
export async function readAll(redis: Redis) {
  const found: {
    partition: number;
    entryId: string;
    index: number;
    poll: string;
    voter: string;
    choices: string[];
  }[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const entry of await readEntries(redis, partition, '0-0', 100_000, 1)) {
      if (entry.kind !== 'ballots') throw new Error(entry.reason);
      for (const [index, ballot] of entry.ballots.entries()) {
        if ('malformed' in ballot) throw new Error(ballot.malformed);
        const voter = ballot.voter.toString('hex');
        found.push({ partition, entryId: entry.id, index, poll: entry.poll, voter, choices: ballot.choices });
      }
    }
  }
  return found;
}

/** The choices of a voter's ballots in the streams, in order. */
export async function choicesOf(redis: Redis, voter: Buffer): Promise<string[][]> {
  return (await readAll(redis))
    .filter((ballot) => ballot.voter === voter.toString('hex'))
    .map(({ choices }) => choices);
}
