import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@hbf/local-services/testing';
import Postgrator from 'postgrator';
import { expect, it } from 'vitest';
import { applyPolls } from '../src/apply-polls.ts';
import { type Client, inTransaction } from '../src/connection.ts';
import { beat } from '../src/heartbeat.ts';
import { migrateSchema } from '../src/migrate.ts';
import { movePosition } from '../src/move-position.ts';
import { noteTurnout } from '../src/note-turnout.ts';
import { takePartition } from '../src/own-partition.ts';
import { readTallies } from '../src/read-tallies.ts';
import { recordBallots } from '../src/record-ballots.ts';
import { setUpSystem } from '../src/system.ts';
import { ballot, connectForTests, makePoll } from './support/store-fixture.ts';
import { storedPoints } from './support/turnout-points.ts';

/** A database as the first release made it, with one voter in partition 0. */
async function createFirstSchema(): Promise<{ url: string; client: Client; epoch: number }> {
  const url = await createTestDatabase();
  const client = await connectForTests(url);
  const migrationPattern = fileURLToPath(new URL('../migrations/001.*.sql', import.meta.url));
  const execQuery = (query: string) => client.query(query);
  const database = new URL(url).pathname.slice(1);
  const schemaTable = 'schema_version';
  const settings = {
    driver: 'pg',
    database,
    migrationPattern,
    schemaTable,
    currentSchema: 'public',
  } as const;
  await new Postgrator({ ...settings, execQuery }).migrate();
  await setUpSystem(client, 2);
  await applyPolls(client, [makePoll('pets')]);
  const { epoch } = (await takePartition(client, 0))!;
  await recordBallots(client, 0, [ballot(1, ['a'])], 1);
  return { url, client, epoch };
}

it('an upgrade keeps what there is, and the turnout is noted from then on', async () => {
  const { client } = await createFirstSchema();
  expect(await migrateSchema(client)).toEqual(['2 keep-turnout-over-time']);
  expect((await readTallies(client)).polls[0]).toMatchObject({ votes: [1, 0, 0], turnout: 1 });
  expect(await storedPoints(client, 'pets', 0)).toEqual([]);
  await noteTurnout(client, 0);
  expect(await storedPoints(client, 'pets', 0)).toMatchObject([{ voters: 1 }]);
});

it('an upgrade waits for no batch, and an owner of before goes on', async () => {
  const { url, client: owner, epoch } = await createFirstSchema();
  const migrating = await connectForTests(url);
  await migrating.query(`SET lock_timeout = '5s'`);
  await inTransaction(owner, async () => {
    const batch = { partition: 0, epoch, from: '0-0', to: '2000-0', accepted: 2 };
    expect(await movePosition(owner, batch)).toBe(true);
    await recordBallots(owner, 0, [ballot(2, ['b'], { entryId: '2000-0' })], 1);
    expect(await migrateSchema(migrating)).toHaveLength(1);
  });
  await recordBallots(owner, 0, [ballot(3, ['b'], { entryId: '3000-0' })], 1);
  expect(await beat(owner, { partition: 0, epoch, appended: 2, oldestQueuedMs: null })).toBeDefined();
  expect((await readTallies(owner)).polls[0]).toMatchObject({ votes: [1, 2, 0], turnout: 3 });
});
