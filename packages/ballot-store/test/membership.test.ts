import { describe, expect, it } from 'vitest';
import { joinWorkers, readMembership, shareOf } from '../src/membership.ts';
import { takePartition } from '../src/own-partition.ts';
import { connectForTests, createStore } from './support/store-fixture.ts';

describe('shareOf', () => {
  it('is as even as can be, sums up to all partitions, and never exceeds the even share rounded up', () => {
    for (let partitions = 1; partitions <= 64; partitions++) {
      for (let count = 1; count <= 70; count++) {
        const members = Array.from({ length: count }, (_, i) => 3 * i + 1);
        const shares = members.map((member) => shareOf(member, members, partitions));
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(partitions);
        expect(Math.max(...shares)).toBe(Math.ceil(partitions / count));
        expect(Math.min(...shares)).toBe(Math.floor(partitions / count));
      }
    }
  });

  it('gives nothing to who does not take part', () => {
    expect(shareOf(5, [], 4)).toBe(0);
    expect(shareOf(5, [1, 2], 4)).toBe(0);
  });
});

describe('readMembership', () => {
  it('shows who takes part and what is owned, in order, for as long as the sessions live', async () => {
    const { client, url } = await createStore();
    const workers = await Promise.all([1, 2, 3].map(() => connectForTests(url)));
    expect(await readMembership(client)).toEqual({ members: [], ownedPartitions: [] });
    const members = await Promise.all(workers.map(joinWorkers));
    expect(new Set(members).size).toBe(3);
    await takePartition(workers[0]!, 3);
    await takePartition(workers[0]!, 0);
    await takePartition(workers[1]!, 2);
    const sorted = (numbers: number[]) => [...numbers].sort((a, b) => a - b);
    expect(await readMembership(client)).toEqual({ members: sorted(members), ownedPartitions: [0, 2, 3] });
    await workers[0]!.end();
    await expect
      .poll(() => readMembership(client))
      .toEqual({ members: sorted(members.slice(1)), ownedPartitions: [2] });
  });

  it('does not see the locks of another system on the same server', async () => {
    const [one, other] = await Promise.all([createStore(), createStore()]);
    await joinWorkers(one.client);
    await takePartition(one.client, 0);
    expect(await readMembership(other.client)).toEqual({ members: [], ownedPartitions: [] });
  });
});
