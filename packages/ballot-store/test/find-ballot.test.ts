import { expect, it } from 'vitest';
import { findBallot } from '../src/find-ballot.ts';
import { recordBallots } from '../src/record-ballots.ts';
import { rejectBallots } from '../src/reject-ballots.ts';
import { ballot, createStore, makePoll, voter } from './support/store-fixture.ts';

const { client } = await createStore({ polls: [makePoll('pets')] });
await client.query('UPDATE partitions SET position_ms = 200, position_seq = 5 WHERE partition = 1');
await recordBallots(client, 1, [ballot(1, ['a'], { entryId: '150-0', index: 2 })], 1);
const nothing = Buffer.alloc(0);
await rejectBallots(client, 1, [
  { entryId: '160-0', index: 1, reason: 'there is no such poll', content: nothing },
  { entryId: '170-0', index: -1, reason: 'the entry is a copy', content: nothing },
]);

const find = (entryId: string, index: number, who = 1, partition = 1) =>
  findBallot(client, { poll: 'pets', voter: voter(who), partition, entryId, index });

it('finds a ballot that counts by its identity', async () => {
  expect(await find('150-0', 2)).toEqual({ status: 'counted' });
});

it.each([
  ['an earlier index of the same entry', '150-0', 1],
  ['an earlier entry', '149-9', 7],
])('calls %s of a voter who voted again superseded', async (_, entryId, index) => {
  expect(await find(entryId, index)).toEqual({ status: 'superseded' });
});

it.each([
  ['time', '201-0'],
  ['number', '200-6'],
])('calls a ballot beyond the position, by its %s, queued', async (_, entryId) => {
  expect(await find(entryId, 0)).toEqual({ status: 'queued' });
  expect(await find(entryId, 0, 99)).toEqual({ status: 'queued' });
});

it('tells a rejected ballot with its reason, and all ballots of a rejected entry', async () => {
  expect(await find('160-0', 1)).toEqual({ status: 'rejected', reason: 'there is no such poll' });
  expect(await find('170-0', 33, 9)).toEqual({ status: 'rejected', reason: 'the entry is a copy' });
});

it('calls a ballot lost that the position has passed and that is nowhere', async () => {
  expect(await find('200-5', 0, 99)).toMatchObject({
    status: 'lost',
    reason: expect.stringContaining('no longer had it'),
  });
  // The voter's earlier ballot counts; this later one was never recorded.
  expect(await find('151-0', 0)).toMatchObject({ status: 'lost' });
});

it('does not mix partitions and polls up', async () => {
  expect(await find('150-0', 2, 1, 0)).toEqual({ status: 'queued' });
  expect(
    await findBallot(client, { poll: 'other', voter: voter(1), partition: 1, entryId: '150-0', index: 2 }),
  ).toMatchObject({ status: 'lost' });
});
