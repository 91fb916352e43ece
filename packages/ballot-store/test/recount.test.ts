import { describe, expect, it } from 'vitest';
import { recordBallots } from '../src/record-ballots.ts';
import { recount } from '../src/recount.ts';
import { ballot, createStore, makePoll } from './support/store-fixture.ts';

const { client } = await createStore({ polls: [makePoll('pets'), makePoll('plants')] });
await recordBallots(
  client,
  0,
  [ballot(1, ['a', 'b']), ballot(2, ['a']), ballot(1, ['c'], { poll: 'plants' })],
  4,
);
await recordBallots(client, 1, [ballot(3, ['a'])], 1);

/** Recounts after a statement, in a copy of every table that the statement may touch, and puts all of it back. */
async function recountAfter(statement: string) {
  const tables = ['ballots', 'tallies', 'turnouts'];
  for (const table of tables) await client.query(`CREATE TEMP TABLE kept_${table} AS TABLE ${table}`);
  const { rows } = await client.query('SELECT partition, recorded FROM partitions');
  try {
    await client.query(statement);
    return await recount(client);
  } finally {
    for (const table of tables) {
      await client.query(`DELETE FROM ${table}`);
      await client.query(`INSERT INTO ${table} TABLE kept_${table}`);
      await client.query(`DROP TABLE kept_${table}`);
    }
    for (const { partition, recorded } of rows) {
      await client.query('UPDATE partitions SET recorded = $2 WHERE partition = $1', [partition, recorded]);
    }
  }
}

describe('recount', () => {
  it('counts every ballot again and finds nothing to say where all is right', async () => {
    const result = await recount(client);
    expect(result.differences).toEqual([]);
    expect(result.ballots).toBe(4);
    expect(result.polls).toEqual([
      { poll: 'pets', option: 'a', votes: 3 },
      { poll: 'pets', option: 'b', votes: 1 },
      { poll: 'pets', option: 'c', votes: 0 },
      { poll: 'plants', option: 'a', votes: 0 },
      { poll: 'plants', option: 'b', votes: 0 },
      { poll: 'plants', option: 'c', votes: 1 },
    ]);
  });

  const votes = { what: 'votes', poll: 'pets', partition: 0 };
  it.each([
    [
      'a tally that was raised',
      `UPDATE tallies SET votes = votes + 1 WHERE poll = 'pets' AND option = 'a' AND partition = 0`,
      [{ ...votes, option: 'a', kept: 3, counted: 2 }],
    ],
    [
      'votes that were moved between partitions, the sum being right',
      `UPDATE tallies SET votes = votes + CASE partition WHEN 0 THEN 1 ELSE -1 END WHERE option = 'a'`,
      [
        { ...votes, option: 'a', kept: 3, counted: 2 },
        { ...votes, option: 'a', partition: 1, kept: 0, counted: 1 },
      ],
    ],
    [
      'a tally that was deleted',
      `DELETE FROM tallies WHERE poll = 'pets' AND option = 'b'`,
      [{ ...votes, option: 'b', kept: 0, counted: 1 }],
    ],
    [
      'a tally of votes that nobody cast',
      `INSERT INTO tallies VALUES ('pets', 'c', 3, 9)`,
      [{ ...votes, option: 'c', partition: 3, kept: 9, counted: 0 }],
    ],
    [
      'a ballot that was deleted',
      `DELETE FROM ballots WHERE poll = 'pets' AND choices = '{a}' AND partition = 0`,
      [
        { what: 'recorded', poll: null, option: null, partition: 0, kept: 3, counted: 2 },
        { what: 'turnout', poll: 'pets', option: null, partition: 0, kept: 2, counted: 1 },
        { ...votes, option: 'a', kept: 2, counted: 1 },
      ],
    ],
    [
      'choices that were changed',
      `UPDATE ballots SET choices = '{b}' WHERE poll = 'pets' AND choices = '{a}' AND partition = 0`,
      [
        { ...votes, option: 'a', kept: 2, counted: 1 },
        { ...votes, option: 'b', kept: 1, counted: 2 },
      ],
    ],
    [
      'a turnout that was changed',
      `UPDATE turnouts SET voters = 0 WHERE poll = 'plants'`,
      [{ what: 'turnout', poll: 'plants', option: null, partition: 0, kept: 0, counted: 1 }],
    ],
    [
      'a number of recorded ballots that was changed',
      `UPDATE partitions SET recorded = 5 WHERE partition = 2`,
      [{ what: 'recorded', poll: null, option: null, partition: 2, kept: 5, counted: 0 }],
    ],
  ])('finds %s', async (_, statement, differences) => {
    expect((await recountAfter(statement)).differences).toEqual(differences);
    expect((await recount(client)).differences).toEqual([]);
  });
});
