import { startTestRedis } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { partitionKeys } from '../src/keys.ts';
import { readEntries, trimPartition } from '../src/partition.ts';
import { append, connectForTests, openFresh, redisNow, remains } from './support/partition-fixture.ts';

const server = await startTestRedis();
const redis = await connectForTests(server.url);
const reader = await connectForTests(server.url);
let partition = 0;

async function appendMany(count: number): Promise<string[]> {
  const { runId } = await openFresh(redis, ++partition);
  const deadline = (await redisNow(redis)) + 60_000;
  const replies = Array.from({ length: count }, () => append(redis, partition, { runId, deadline }));
  return (await Promise.all(replies)).map(([, , id]) => id!);
}

describe('readEntries', () => {
  it('reads in order after the position, at most as many as asked for', async () => {
    const ids = await appendMany(5);
    const read = async (position: string, count: number) =>
      (await readEntries(reader, partition, position, count, 50)).map(({ id }) => id);
    expect(await read('0-0', 3)).toEqual(ids.slice(0, 3));
    expect(await read(ids[2]!, 10)).toEqual(ids.slice(3));
  });

  it('comes back empty when nothing came, also where there is no stream', async () => {
    expect(await readEntries(reader, ++partition, '0-0', 10, 20)).toEqual([]);
    const ids = await appendMany(1);
    expect(await readEntries(reader, partition, ids[0]!, 10, 20)).toEqual([]);
  });

  it('wakes up for an entry that comes while it waits', async () => {
    const ids = await appendMany(1);
    const waiting = readEntries(reader, partition, ids[0]!, 10, 10_000);
    const id = await redis.xadd(partitionKeys(partition).ballots, '*', 'by', 'hand');
    expect(await waiting).toMatchObject([{ kind: 'foreign', id }]);
  });

  it('reads entries with arbitrary bytes without a loss', async () => {
    partition += 1;
    const bytes = Buffer.from([0, 0xff, 0xfe, 0x80, 10, 13]);
    await redis.xadd(partitionKeys(partition).ballots, '*', bytes, bytes);
    const [entry] = await readEntries(reader, partition, '0-0', 10, 50);
    const kept = JSON.parse((entry as { content: Buffer }).content.toString()) as string[];
    expect(kept.map((part) => Buffer.from(part, 'latin1'))).toEqual([bytes, bytes]);
  });
});

describe('trimPartition', () => {
  it('keeps the entry whose id it names, and all after it', async () => {
    const ids = await appendMany(300);
    await trimPartition(redis, partition, ids[250]!);
    expect((await remains(redis, partition)).entries.map(([id]) => id)).toEqual(ids.slice(250));
    await trimPartition(redis, partition, ids[10]!);
    expect((await remains(redis, partition)).entries).toHaveLength(50);
  });
});
