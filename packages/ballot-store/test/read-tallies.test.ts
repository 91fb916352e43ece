import { beforeEach, describe, expect, it } from 'vitest';
import { notePollClosing, readClosings } from '../src/close-poll.ts';
import { beat } from '../src/heartbeat.ts';
import { movePosition } from '../src/move-position.ts';
import { readTallies } from '../src/read-tallies.ts';
import { recordBallots } from '../src/record-ballots.ts';
import { ballot, createStore, makePoll } from './support/store-fixture.ts';

const now = Date.now();
const HOUR = 3_600_000;
const polls = [
  makePoll('open', { opensAt: now - HOUR, closesAt: now + HOUR }),
  makePoll('unbounded'),
  makePoll('scheduled', { opensAt: now + HOUR }),
  makePoll('ended', { closesAt: now - HOUR }),
].map((poll, rank) => ({ ...poll, rank }));
const { client } = await createStore({ polls, partitions: 3 });

beforeEach(async () => {
  await client.query('TRUNCATE ballots, tallies, turnouts, poll_closings');
  await client.query(`
    UPDATE partitions SET epoch = 1, position_ms = 100, position_seq = 0, accepted = 0, appended = 0,
      recorded = 0, superseded = 0, oldest_queued_ms = NULL, heartbeat_at = NULL`);
});

const phases = async () =>
  Object.fromEntries((await readTallies(client)).polls.map(({ poll, phase }) => [poll.key, phase]));

describe('readTallies', () => {
  it('gives the polls in order with zeros before the first ballot', async () => {
    const tallies = await readTallies(client);
    expect(tallies.polls.map(({ poll }) => poll)).toEqual(polls);
    for (const { votes, turnout } of tallies.polls)
      expect({ votes, turnout }).toEqual({ votes: [0, 0, 0], turnout: 0 });
    expect(Math.abs(tallies.now - Date.now())).toBeLessThan(10_000);
  });

  it('sums votes and turnout over the partitions, in the order of the options', async () => {
    await recordBallots(
      client,
      0,
      [ballot(1, ['a', 'c'], { poll: 'open' }), ballot(2, ['c'], { poll: 'open' })],
      2,
    );
    await recordBallots(
      client,
      2,
      [ballot(3, ['c'], { poll: 'open' }), ballot(3, ['b'], { poll: 'unbounded' })],
      2,
    );
    const { polls: tallies } = await readTallies(client);
    expect(tallies.slice(0, 2)).toMatchObject([
      { votes: [1, 0, 3], turnout: 3 },
      { votes: [0, 1, 0], turnout: 1 },
    ]);
  });

  it('tells the phases by the clock', async () => {
    expect(await phases()).toEqual({
      open: 'open',
      unbounded: 'open',
      scheduled: 'scheduled',
      ended: 'closed',
    });
  });

  it('calls a poll closed as soon as one partition has closed it, final when every partition has reached its end', async () => {
    await notePollClosing(client, 'open', 0, '90-0');
    expect(await phases()).toMatchObject({ open: 'closed' });
    await notePollClosing(client, 'open', 1, '100-0');
    expect(await phases()).toMatchObject({ open: 'closed' });
    await notePollClosing(client, 'open', 2, '100-1');
    // Partition 2 has not processed its last entry.
    expect(await phases()).toMatchObject({ open: 'closed', ended: 'closed' });
    await movePosition(client, { partition: 2, epoch: 1, from: '100-0', to: '100-1', accepted: 0 });
    expect(await phases()).toMatchObject({ open: 'final', ended: 'closed' });
  });

  it('says that a poll is closed everywhere only when every partition has noted it, whatever the clock says', async () => {
    const closedEverywhere = async () =>
      (await readTallies(client)).polls.filter((tally) => tally.closedEverywhere).map(({ poll }) => poll.key);
    await notePollClosing(client, 'ended', 0, '90-0');
    await notePollClosing(client, 'ended', 1, '90-0');
    expect(await closedEverywhere()).toEqual([]);
    // It may still have entries to record there.
    await notePollClosing(client, 'ended', 2, '999-0');
    expect(await closedEverywhere()).toEqual(['ended']);
    expect(await phases()).toMatchObject({ ended: 'closed' });
  });

  it('keeps the first note of where a poll ends', async () => {
    await notePollClosing(client, 'open', 0, '90-0');
    await notePollClosing(client, 'open', 0, '999-0');
    const { rows } = await client.query('SELECT entry_ms FROM poll_closings');
    expect(rows).toEqual([{ entry_ms: '90' }]);
    expect([...(await readClosings(client, 0))]).toEqual(['open']);
    expect([...(await readClosings(client, 1))]).toEqual([]);
  });

  it('says that nothing is known of a partition without a heartbeat', async () => {
    expect((await readTallies(client)).partitions).toEqual(
      [0, 1, 2].map((partition) => ({
        partition,
        heartbeatAt: null,
        queued: 0,
        oldestQueuedMs: null,
        recordedUpTo: expect.any(Number),
      })),
    );
  });

  it('tells when the heartbeat was, how many ballots were queued and how old the oldest of them was then', async () => {
    await beat(client, { partition: 1, epoch: 1, appended: 12, oldestQueuedMs: 700 });
    const first = await readTallies(client);
    expect(first.partitions[1]).toMatchObject({ queued: 12, oldestQueuedMs: 700 });
    expect(first.partitions[1]!.heartbeatAt).toBeLessThanOrEqual(first.now);
    const again = await readTallies(client);
    expect(again.partitions[1]).toEqual(first.partitions[1]);
    expect(again.now).toBeGreaterThan(first.now);
  });

  it('never tells the same moment for two heartbeats, however soon they come', async () => {
    const seen = new Set<number | null>();
    for (let n = 0; n < 50; n += 1) {
      await beat(client, { partition: 1, epoch: 1, appended: 12, oldestQueuedMs: null });
      seen.add((await readTallies(client)).partitions[1]!.heartbeatAt);
    }
    expect(seen.size).toBe(50);
  });

  it('has nothing queued once the batch is in, whatever the last heartbeat said', async () => {
    await beat(client, { partition: 1, epoch: 1, appended: 12, oldestQueuedMs: 700 });
    await movePosition(client, { partition: 1, epoch: 1, from: '100-0', to: '200-0', accepted: 13 });
    const drained = { queued: 0, oldestQueuedMs: null };
    expect((await readTallies(client)).partitions[1]).toMatchObject({ ...drained, recordedUpTo: 0 });
    // A position that moved on over nothing is no ballot that was recorded.
    const ballot = { poll: 'open', voter: Buffer.alloc(16, 7), choices: ['a'], entryId: '150-0', index: 0 };
    await recordBallots(client, 1, [ballot], 1);
    expect((await readTallies(client)).partitions[1]).toMatchObject({ ...drained, recordedUpTo: 150 });
  });
});
