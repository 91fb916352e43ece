import { beforeEach, describe, expect, it } from 'vitest';
import { noteTurnout } from '../src/note-turnout.ts';
import { recordBallots } from '../src/record-ballots.ts';
import { ballot, createStore, makePoll } from './support/store-fixture.ts';
import { insertPoints, storedPoints } from './support/turnout-points.ts';

const { client } = await createStore({ polls: [makePoll('pets'), makePoll('plants')], partitions: 2 });

beforeEach(async () => {
  await client.query('TRUNCATE ballots, tallies, turnouts, turnout_points');
});

const record = async (partition: number, who: number, place: { poll?: string; entryId?: string } = {}) => {
  await recordBallots(client, partition, [ballot(who, ['a'], place)], 1);
};
const voters = async (poll: string, partition: number) =>
  (await storedPoints(client, poll, partition)).map((point) => point.voters);

describe('noteTurnout', () => {
  it('notes the turnout of each poll of the partition as of now, and of no other partition', async () => {
    await record(0, 1);
    await record(0, 2);
    await record(0, 1, { poll: 'plants' });
    await record(1, 3);
    const { rows } = await client.query<{ before: Date }>('SELECT clock_timestamp() AS before');
    await noteTurnout(client, 0);
    const { rows: points } = await client.query(
      `SELECT poll, partition, voters, at BETWEEN $1 AND clock_timestamp() AS now
       FROM turnout_points ORDER BY poll`,
      [rows[0]!.before],
    );
    expect(points).toEqual([
      { poll: 'pets', partition: 0, voters: 2, now: true },
      { poll: 'plants', partition: 0, voters: 1, now: true },
    ]);
  });

  it('notes a point where the turnout grew, and nothing where it did not', async () => {
    await noteTurnout(client, 0);
    expect(await voters('pets', 0)).toEqual([]);
    await record(0, 1);
    await record(0, 2, { poll: 'plants' });
    await noteTurnout(client, 0);
    await noteTurnout(client, 0);
    await record(0, 3);
    // A later ballot of a voter who has been counted.
    await record(0, 2, { poll: 'plants', entryId: '2000-0' });
    await noteTurnout(client, 0);
    expect(await voters('pets', 0)).toEqual([1, 2]);
    expect(await voters('plants', 0)).toEqual([1]);
  });

  it('writes nothing at all where nothing changed', async () => {
    await record(0, 1);
    await noteTurnout(client, 0);
    const rows = async () => (await client.query('SELECT ctid, xmin, * FROM turnout_points')).rows;
    const before = await rows();
    await noteTurnout(client, 0);
    expect(await rows()).toEqual(before);
  });

  it('lets the newest point grow while the clock, set back, is before it', async () => {
    await insertPoints(client, 'pets', 0, [
      ['2 minutes', 1],
      ['-1 hour', 4],
    ]);
    const ahead = async () =>
      (await client.query('SELECT at FROM turnout_points ORDER BY at DESC LIMIT 1')).rows[0].at;
    const before = await ahead();
    for (let who = 1; who <= 7; who += 1) await record(0, who);
    await noteTurnout(client, 0);
    expect(await voters('pets', 0)).toEqual([1, 7]);
    expect(await ahead()).toEqual(before);
  });
});
