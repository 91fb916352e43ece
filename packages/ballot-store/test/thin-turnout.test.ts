import { beforeEach, describe, expect, it } from 'vitest';
import { thinTurnout } from '../src/thin-turnout.ts';
import { createStore, makePoll } from './support/store-fixture.ts';
import { insertPoints, storedPoints } from './support/turnout-points.ts';

const { client } = await createStore({ polls: [makePoll('pets'), makePoll('plants')], partitions: 2 });

beforeEach(async () => {
  await client.query('TRUNCATE turnout_points; UPDATE system SET created_at = clock_timestamp()');
});

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Points of partition 0 every `every` seconds, from so many seconds ago; each tells of one voter more than before. */
async function fill(from: number, to: number, every: number, poll = 'pets'): Promise<void> {
  await client.query(
    `INSERT INTO turnout_points (partition, poll, at, voters)
     SELECT 0, $1, now() - ($2 - $4 * n) * interval '1 second', n + (SELECT count(*) + 1 FROM turnout_points)
     FROM generate_series(0, ($2::int - $3::int) / $4::int - 1) AS n`,
    [poll, from, to, every],
  );
}

const count = async (poll = 'pets') => (await storedPoints(client, poll, 0)).length;

/** Lets time pass for all that was noted. */
const age = (seconds: number) =>
  client.query(`UPDATE turnout_points SET at = at - $1 * interval '1 second'`, [seconds]);

describe('thinTurnout', () => {
  it('leaves points in 5 s, a minute, 15 minutes and 6 hours, the older the fewer', async () => {
    await fill(10 * DAY, 4 * DAY, HOUR);
    await fill(4 * DAY, 7 * HOUR, 5 * MINUTE);
    await fill(7 * HOUR, 15 * MINUTE, 20);
    await fill(15 * MINUTE, 0, 5);
    const before = await storedPoints(client, 'pets', 0);
    await thinTurnout(client, 0);
    const points = await storedPoints(client, 'pets', 0);
    const newest = points.at(-1)!;
    const between = (from: number, to: number) =>
      points.filter(({ ago }) => ago - newest.ago > from && ago - newest.ago <= to).length;
    // Away from where one width meets the next: time goes on while this runs.
    expect(Math.abs(between(0, 9 * MINUTE) - 108)).toBeLessThanOrEqual(1);
    expect(Math.abs(between(11 * MINUTE, 5 * HOUR) - 289)).toBeLessThanOrEqual(1);
    expect(Math.abs(between(7 * HOUR, 2 * DAY) - 164)).toBeLessThanOrEqual(1);
    expect(Math.abs(between(4 * DAY, 9 * DAY) - 20)).toBeLessThanOrEqual(1);
    expect(points.length).toBeLessThan(120 + 352 + 266 + 31);
    expect(points[0]!.voters).toBe(1);
    expect(newest.voters).toBe(before.length);
  });

  it('keeps the last point of each span, as it was', async () => {
    await client.query(`
      INSERT INTO turnout_points (partition, poll, at, voters)
      SELECT 0, 'pets', date_bin('15 minutes', clock_timestamp() - interval '1 day', '2000-01-01Z') + place, voters
      FROM (VALUES
        (interval '-1 hour', 1), ('1 minute', 2), ('14 minutes', 3), ('15 minutes', 4), ('29 minutes 59 seconds', 5),
        ('40 minutes', 6)
      ) AS points (place, voters)`);
    const stored = async () => (await client.query('SELECT at, voters FROM turnout_points ORDER BY at')).rows;
    const before = await stored();
    await thinTurnout(client, 0);
    expect(await stored()).toEqual(before.filter(({ voters }) => [1, 3, 5, 6].includes(voters)));
  });

  it('does not thin again what it has thinned, until that is older', async () => {
    await fill(DAY, 0, 30);
    await thinTurnout(client, 0);
    const thinned = await count();
    await thinTurnout(client, 0);
    // A point may have passed from one width to the next meanwhile.
    expect(await count()).toBeGreaterThan(thinned - 3);
    await age(10 * DAY);
    await thinTurnout(client, 0);
    expect(await count()).toBeLessThan(8);
  });

  it('keeps few points of a poll that goes on and on, and its first one', async () => {
    for (let hour = 0; hour < 30; hour += 1) {
      await age(HOUR);
      await client.query(
        `INSERT INTO turnout_points (partition, poll, at, voters)
         SELECT 0, 'pets', clock_timestamp() - (3600 - 5 * n) * interval '1 second', $1 + n
         FROM generate_series(1, 719) AS n`,
        [hour * 1_000],
      );
      await thinTurnout(client, 0);
    }
    const points = await storedPoints(client, 'pets', 0);
    expect(points.length).toBeLessThan(120 + 355 + 100);
    expect(points[0]!.voters).toBe(1);
    expect(points.at(-1)!.voters).toBe(29_719);
    expect(points.map(({ voters }) => voters)).toEqual(
      points.map(({ voters }) => voters).toSorted((a, b) => a - b),
    );
  });

  it('thins each partition by itself, though their points lie between each other', async () => {
    await client.query(`
      INSERT INTO turnout_points (partition, poll, at, voters)
      SELECT n % 2, 'pets', date_bin('6 hours', now() - interval '9 days', '2000-01-01Z') + n * interval '1 minute', n
      FROM generate_series(1, 10) AS n`);
    const voters = async (partition: number) =>
      (await storedPoints(client, 'pets', partition)).map((point) => point.voters);
    await thinTurnout(client, 0);
    expect(await voters(0)).toEqual([2, 10]);
    expect(await voters(1)).toEqual([1, 3, 5, 7, 9]);
    await thinTurnout(client, 1);
    expect(await voters(1)).toEqual([1, 9]);
    expect(await voters(0)).toEqual([2, 10]);
  });

  it('touches no other partition, and keeps what each poll has', async () => {
    await insertPoints(client, 'pets', 0, [
      ['30 days', 1],
      ['20 days', 2],
      ['20 days', 3],
    ]);
    await insertPoints(client, 'plants', 0, [['20 days', 1]]);
    await fill(HOUR, 0, 5, 'plants');
    await client.query(`UPDATE turnout_points SET partition = 1 WHERE poll = 'plants' AND voters > 1`);
    const others = (await storedPoints(client, 'plants', 1)).length;
    await thinTurnout(client, 0);
    expect((await storedPoints(client, 'pets', 0)).map(({ voters }) => voters)).toEqual([1, 3]);
    expect(await storedPoints(client, 'plants', 1)).toHaveLength(others);
  });

  it('drops points that lie more than a day ahead, and keeps those of a clock that was less wrong', async () => {
    await insertPoints(client, 'pets', 0, [
      ['1 hour', 1],
      ['-23 hours', 2],
      ['-3 days', 3],
      ['-20 years', 4],
    ]);
    await thinTurnout(client, 0);
    expect((await storedPoints(client, 'pets', 0)).map(({ voters }) => voters)).toEqual([1, 2]);
  });

  it('drops nothing while the clock is before the making of the system', async () => {
    await client.query(`UPDATE system SET created_at = clock_timestamp() + interval '10 years'`);
    await insertPoints(client, 'pets', 0, [
      ['-11 years', 1],
      ['-12 years', 2],
    ]);
    await thinTurnout(client, 0);
    expect(await count()).toBe(2);
  });
});
