import { beforeEach, describe, expect, it } from 'vitest';
import { readTurnoutPoints } from '../src/read-turnout-points.ts';
import { createStore, makePoll } from './support/store-fixture.ts';
import { insertPoints } from './support/turnout-points.ts';

const { client } = await createStore({ polls: [makePoll('pets'), makePoll('plants')], partitions: 3 });

beforeEach(() => client.query('TRUNCATE turnout_points'));

const postgresNow = async () =>
  (
    await client.query<{ now: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
    )
  ).rows[0]!.now;
const voters = async (poll: string) =>
  (await readTurnoutPoints(client, 120)).get(poll)?.map((point) => point.voters);

describe('readTurnoutPoints', () => {
  it('gives none of a poll without voters', async () => {
    expect(await readTurnoutPoints(client, 120)).toEqual(new Map());
  });

  it("sums the partitions as steps: at each point, each partition's newest turnout until then", async () => {
    await insertPoints(client, 'pets', 0, [
      ['50 minutes', 1],
      ['30 minutes', 10],
    ]);
    await insertPoints(client, 'pets', 1, [
      ['40 minutes', 100],
      ['10 minutes', 200],
    ]);
    await insertPoints(client, 'pets', 2, [['20 minutes', 1_000]]);
    await insertPoints(client, 'plants', 2, [['45 minutes', 5]]);
    expect(await voters('pets')).toEqual([1, 101, 110, 1_110, 1_210]);
    expect(await voters('plants')).toEqual([5]);
  });

  it('makes one point of those that partitions noted at the same moment', async () => {
    await client.query(`
      INSERT INTO turnout_points (partition, poll, at, voters)
      SELECT partition, 'pets', '2026-06-01T12:00:00.25Z', 7 FROM generate_series(0, 2) AS partition`);
    expect((await readTurnoutPoints(client, 120)).get('pets')).toEqual([
      { at: Date.parse('2026-06-01T12:00:00.25Z'), voters: 21 },
    ]);
  });

  it('is bounded: of more points the first is told, and the last of each of equal spans', async () => {
    await client.query(`
      INSERT INTO turnout_points (partition, poll, at, voters)
      SELECT partition, 'pets', '2026-06-01T12:00:00Z'::timestamptz + n * interval '5 seconds', n + 1
      FROM generate_series(0, 2) AS partition, generate_series(0, 999) AS n`);
    const start = Date.parse('2026-06-01T12:00:00Z');
    expect((await readTurnoutPoints(client, 10)).get('pets')).toEqual(
      Array.from({ length: 10 }, (_, span) => {
        const n = span * 111;
        return { at: start + n * 5_000, voters: 3 * (n + 1) };
      }),
    );
    expect((await readTurnoutPoints(client, 120)).get('pets')).toHaveLength(120);
    expect((await readTurnoutPoints(client, 1_000)).get('pets')).toHaveLength(1_000);
  });

  it('tells of what was noted while the clock was ahead as of now', async () => {
    await insertPoints(client, 'pets', 0, [
      ['30 minutes', 1],
      ['-1 hour', 5],
    ]);
    await insertPoints(client, 'pets', 1, [
      ['20 minutes', 10],
      ['-2 hours', 20],
    ]);
    const before = await postgresNow();
    const points = (await readTurnoutPoints(client, 120)).get('pets')!;
    expect(points.map((point) => point.voters)).toEqual([1, 11, 25]);
    expect(points[2]!.at).toBeGreaterThanOrEqual(Math.floor(before));
    expect(points[2]!.at).toBeLessThanOrEqual(await postgresNow());
  });
});
