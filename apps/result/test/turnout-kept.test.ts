import { createPool } from '@hbf/ballot-store/connection';
import { noteTurnout } from '@hbf/ballot-store/note-turnout';
import { readTallies } from '@hbf/ballot-store/read-tallies';
import { readTurnoutPoints } from '@hbf/ballot-store/read-turnout-points';
import { startTestPostgres } from '@hbf/local-services/testing';
import { afterAll, expect, test, vi } from 'vitest';
import { createTallyFeed } from '../src/tally-feed.ts';
import { createTurnoutHistory } from '../src/turnout-history.ts';
import { createRecorder, setUpDatabase } from './support/database.ts';
import { createTestLog } from './support/service.ts';
import { pollOf } from './support/snapshots.ts';

const postgres = await startTestPostgres();
const url = await postgres.createDatabase('hbf');
await setUpDatabase(url, [pollOf()]);
const recorder = createRecorder(url);
afterAll(recorder.close);

/** What a result process makes of PostgreSQL, as `main.ts` puts it together. */
function startResult() {
  const pool = createPool(url, 'hbf-test-result', { max: 2, timeoutMs: 1_000 });
  const { log, lines } = createTestLog();
  const feed = createTallyFeed({ read: () => readTallies(pool), log });
  const history = createTurnoutHistory({ feed, read: (most) => readTurnoutPoints(pool, most), log });
  feed.start();
  const stop = async () => {
    feed.stop();
    await pool.end();
  };
  afterAll(stop);
  return {
    lines,
    turnout: () => feed.tally('best-friend')?.turnout,
    points: () => history.points('best-friend'),
    voters: () => history.points('best-friend')?.map((point) => point.voters),
  };
}

let entry = 1_000;
async function vote(partition: number, voters: number): Promise<void> {
  entry += 1;
  const ballots = Array.from({ length: voters }, () => recorder.ballot('best-friend', 'a'));
  await recorder.record(partition, `${entry}-0`, ballots);
}

test('a result that starts shows what was before it, over all partitions, and goes on from there', async () => {
  await vote(0, 2);
  await noteTurnout(recorder.pool, 0);
  await vote(1, 5);
  await noteTurnout(recorder.pool, 1);
  await vote(0, 1);
  await noteTurnout(recorder.pool, 0);
  const first = startResult();
  await vi.waitFor(() => expect(first.voters()).toEqual([0, 2, 7, 8]), 10_000);
  const second = startResult();
  await vi.waitFor(() => expect(second.points()).toEqual(first.points()), 10_000);
  await vote(1, 4);
  await vi.waitFor(() => expect(second.voters()).toEqual([0, 2, 7, 8, 12]), 10_000);
});

test('while PostgreSQL is away a result tells what it knew, and what it missed when that is back', async () => {
  const running = startResult();
  await vi.waitFor(() => expect(running.voters()).toEqual([0, 2, 7, 8, 12]), 10_000);
  const before = running.points();
  await postgres.stop('immediate');
  const started = startResult();
  await vi.waitFor(() => expect(started.lines.join()).toContain('PostgreSQL cannot be read'), 10_000);
  expect(started.points()).toBeUndefined();
  expect(running.points()).toEqual(before);
  await postgres.start();
  await vote(0, 1);
  await noteTurnout(recorder.pool, 0);
  await vi.waitFor(() => expect(started.voters()?.at(-1)).toBe(13), 10_000);
  await vi.waitFor(() => expect(running.voters()?.at(-1)).toBe(13), 10_000);
  expect(running.points()!.slice(0, -1)).toEqual(before);
  expect(running.lines.join()).not.toContain('turnout points');
});

test('points that cannot be read cost the tally nothing', async () => {
  await recorder.pool.query('ALTER TABLE turnout_points RENAME TO elsewhere');
  const result = startResult();
  await vi.waitFor(() => expect(result.lines.join()).toContain('the turnout points cannot be read'), 10_000);
  await vote(0, 1);
  await vi.waitFor(() => expect(result.turnout()).toBe(14), 10_000);
  expect(result.points()).toBeUndefined();
  await recorder.pool.query('ALTER TABLE elsewhere RENAME TO turnout_points');
  await vi.waitFor(() => expect(result.voters()?.at(-1)).toBe(14), 10_000);
});
