import { beforeEach, describe, expect, it } from 'vitest';
import type { Queryable } from '../src/connection.ts';
import { beat } from '../src/heartbeat.ts';
import { connectForTests, createStore } from './support/store-fixture.ts';

const HELD_MS = 1_200;
const heartbeat = { partition: 0, epoch: 3, appended: 15, oldestQueuedMs: null };
const { client, url } = await createStore();
const holder = await connectForTests(url);

beforeEach(async () => {
  await client.query('UPDATE partitions SET epoch = 3, heartbeat_at = NULL');
});

const postgresNow = async () =>
  (await holder.query<{ now: Date }>('SELECT clock_timestamp() AS now')).rows[0]!.now.getTime();
const writtenAt = async () =>
  (
    await holder.query<{ at: Date }>('SELECT heartbeat_at AS at FROM partitions WHERE partition = 0')
  ).rows[0]!.at.getTime();
const elapsed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Beats while the row is locked, and lets it be written only after `HELD_MS`. @returns PostgreSQL's time by then. */
async function beatHeldBack(session: Queryable): Promise<{ writtenFrom: number }> {
  await holder.query('BEGIN');
  await holder.query('UPDATE partitions SET lost = lost WHERE partition = 0');
  const beaten = beat(session, heartbeat);
  await elapsed(HELD_MS);
  const writtenFrom = await postgresNow();
  await holder.query('COMMIT');
  expect(await beaten).toBeDefined();
  return { writtenFrom };
}

/** A session whose statements are all executed `HELD_MS` after they were sent. */
function heldLink(session: Queryable): Queryable {
  const query = async (...args: Parameters<Queryable['query']>) => {
    await elapsed(HELD_MS);
    return session.query(...args);
  };
  return { query: query as unknown as Queryable['query'] };
}

/** A session whose PostgreSQL has another clock, ahead by `ahead()` ms. */
function withClock(session: Queryable, ahead: () => number): Queryable {
  const query = (config: string | { text: string; values?: unknown[] }, values?: unknown[]) => {
    const shift = (text: string) =>
      text.replaceAll('clock_timestamp()', `(clock_timestamp() + ${ahead()} * interval '1 ms')`);
    return typeof config === 'string'
      ? session.query(shift(config), values)
      : session.query({ text: shift(config.text), values: config.values ?? [] });
  };
  return { query: query as unknown as Queryable['query'] };
}

describe('a heartbeat', () => {
  it('is as old as the way to PostgreSQL was long, at most', async () => {
    const session = await connectForTests(url);
    for (let n = 0; n < 3; n += 1) {
      const before = await postgresNow();
      await beat(session, heartbeat);
      expect(await writtenAt()).toBeLessThanOrEqual(await postgresNow());
      expect(await writtenAt()).toBeGreaterThan(before - 500);
    }
  });

  it('that was held back on its way tells when it was sent', async () => {
    const session = await connectForTests(url);
    await beat(session, heartbeat);
    const { writtenFrom } = await beatHeldBack(session);
    expect(await writtenAt()).toBeLessThan(writtenFrom - HELD_MS / 2);
    await beat(session, heartbeat);
    expect(await writtenAt()).toBeGreaterThan(writtenFrom - HELD_MS / 2);
  });

  it('does so even if it is the first of its session', async () => {
    const session = await connectForTests(url);
    const { writtenFrom } = await beatHeldBack(session);
    expect(await writtenAt()).toBeLessThan(writtenFrom - HELD_MS / 2);
    await beat(heldLink(await connectForTests(url)), heartbeat);
    // On its way since before it, and written after it.
    expect(await writtenAt()).toBeLessThan((await postgresNow()) - HELD_MS * 1.5);
  });

  it("tells PostgreSQL's time at once when that clock was stepped, and is never ahead of it", async () => {
    let ahead = 0;
    const session = withClock(await connectForTests(url), () => ahead);
    await beat(session, heartbeat);
    for (const step of [3_600_000, -3_600_000, 5_000, 0]) {
      ahead = step;
      await beat(session, heartbeat);
      const behind = (await postgresNow()) + ahead - (await writtenAt());
      expect(behind).toBeGreaterThanOrEqual(0);
      expect(behind).toBeLessThan(500);
    }
  });
});
