import { beforeEach, describe, expect, it } from 'vitest';
import { inTransaction } from '../src/connection.ts';
import { acknowledgeLoss, readConservation } from '../src/conservation.ts';
import { beat } from '../src/heartbeat.ts';
import { movePosition } from '../src/move-position.ts';
import { noteUnknownLoss, takePartition } from '../src/own-partition.ts';
import { recordBallots } from '../src/record-ballots.ts';
import { rejectBallots } from '../src/reject-ballots.ts';
import { ballot, connectForTests, createStore, makePoll } from './support/store-fixture.ts';

const { client, url } = await createStore({ polls: [makePoll('pets')] });

beforeEach(async () => {
  await client.query('TRUNCATE ballots, tallies, turnouts, rejected_ballots, acknowledged_losses');
  await client.query(`
    UPDATE partitions SET epoch = 3, position_ms = 100, position_seq = 5, accepted = 10, recorded = 10, superseded = 0,
      rejected = 0, lost = 0, loss_is_lower_bound = false, foreign_entries = 0, appended = 10, oldest_queued_ms = NULL,
      heartbeat_at = NULL`);
});

const first = async () => (await readConservation(client))[0]!;
const move = (changes: Partial<Parameters<typeof movePosition>[1]> = {}) =>
  movePosition(client, { partition: 0, epoch: 3, from: '100-5', to: '200-1', accepted: 14, ...changes });

describe('movePosition', () => {
  it('moves from where the batch started, and only there', async () => {
    expect(await move()).toBe(true);
    expect(await first()).toMatchObject({ position: '200-1', accepted: 14, appended: 14, drift: 4 });
    expect(await move()).toBe(false);
    expect((await readConservation(client))[1]).toMatchObject({ position: '100-5', accepted: 10 });
  });

  it.each([
    ['another time', { from: '101-5' }],
    ['another number', { from: '100-6' }],
    ['an older epoch', { epoch: 2 }],
    ['a later epoch', { epoch: 4 }],
    ['an earlier position as its goal', { to: '100-4' }],
  ])('does not move with %s', async (_, changes) => {
    const before = await first();
    expect(await move(changes)).toBe(false);
    expect(await first()).toEqual(before);
  });

  it('may stay where it is and take in a total that has grown', async () => {
    expect(await move({ to: '100-5' })).toBe(true);
    expect(await first()).toMatchObject({ position: '100-5', accepted: 14 });
  });

  it('lets one of many win', async () => {
    const others = await Promise.all([1, 2, 3, 4].map(() => connectForTests(url)));
    const won = await Promise.all(
      others.map((other) =>
        inTransaction(other, () =>
          movePosition(other, { partition: 0, epoch: 3, from: '100-5', to: '200-1', accepted: 14 }),
        ),
      ),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
  });
});

describe('takePartition', () => {
  it('gives one session the partition, a new epoch and all that is known, until that session ends', async () => {
    const [one, other] = await Promise.all([connectForTests(url), connectForTests(url)]);
    await client.query('UPDATE partitions SET appended = 17 WHERE partition = 0');
    expect(await takePartition(one, 0)).toEqual({ epoch: 4, position: '100-5', accepted: 10, appended: 17 });
    expect(await takePartition(other, 0)).toBeUndefined();
    expect(await takePartition(other, 1)).toEqual({
      epoch: 4,
      position: '100-5',
      accepted: 10,
      appended: 10,
    });
    await one.end();
    await expect.poll(() => takePartition(other, 0)).toMatchObject({ epoch: 5 });
  });
});

describe('rejectBallots', () => {
  const reject = (content: Buffer, index = 0, entryId = '200-1') =>
    rejectBallots(client, 0, [{ entryId, index, reason: 'a reason', content }]);
  const kept = async () => (await client.query('SELECT * FROM rejected_ballots ORDER BY entry_index')).rows;

  it('keeps any bytes as they are, NUL and what is no UTF-8 included', async () => {
    const content = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await reject(content);
    const [row] = await kept();
    expect(row).toMatchObject({
      partition: 0,
      entry_ms: '200',
      entry_seq: '1',
      entry_index: 0,
      reason: 'a reason',
    });
    expect(row.content).toEqual(content);
  });

  it('cuts what is long', async () => {
    const content = Buffer.alloc(10_000, 'x');
    await reject(content);
    expect((await kept())[0].content).toEqual(content.subarray(0, 4_096));
  });

  it('counts ballots and foreign entries apart, and in their own partition', async () => {
    const empty = { reason: 'a reason', content: Buffer.alloc(0) };
    await rejectBallots(client, 0, [
      { entryId: '200-1', index: 0, ...empty },
      { entryId: '200-1', index: 7, ...empty },
      { entryId: '200-2', index: -1, ...empty },
    ]);
    expect(await first()).toMatchObject({ rejected: 2, foreignEntries: 1, drift: -2 });
    expect((await readConservation(client))[1]).toMatchObject({ rejected: 0, foreignEntries: 0 });
  });

  it('refuses the same ballot a second time', async () => {
    await reject(Buffer.alloc(0));
    await expect(reject(Buffer.alloc(0))).rejects.toMatchObject({ code: '23505' });
    expect(await first()).toMatchObject({ rejected: 1 });
  });
});

describe('the drift', () => {
  it('is exact at any moment: whatever a batch does, it is what was accepted and is nowhere', async () => {
    await move({ accepted: 20 });
    expect((await first()).drift).toBe(10);
    await recordBallots(client, 0, [ballot(1, ['a']), ballot(2, ['a'])], 5);
    expect(await first()).toMatchObject({ recorded: 12, superseded: 3, drift: 5 });
    await rejectBallots(client, 0, [{ entryId: '1-1', index: 0, reason: 'x', content: Buffer.alloc(0) }]);
    expect((await first()).drift).toBe(4);
  });
});

describe('beat', () => {
  const heartbeat = { partition: 0, epoch: 3, appended: 15, oldestQueuedMs: 250 };

  it('stores what the owner saw, and tells the drift', async () => {
    await client.query('UPDATE partitions SET lost = 2, accepted = 19 WHERE partition = 0');
    expect(await beat(client, heartbeat)).toEqual({ drift: 7, lossIsLowerBound: false });
    const { rows } = await client.query(`
      SELECT appended, oldest_queued_ms, clock_timestamp() - heartbeat_at < interval '10 seconds' AS fresh
      FROM partitions WHERE partition = 0`);
    expect(rows[0]).toEqual({ appended: 15, oldest_queued_ms: 250, fresh: true });
  });

  it('never takes the highest total back', async () => {
    await beat(client, heartbeat);
    await beat(client, { ...heartbeat, appended: 11, oldestQueuedMs: null });
    expect((await first()).appended).toBe(15);
  });

  it('tells an owner with an older epoch nothing and stores nothing of it', async () => {
    expect(await beat(client, { ...heartbeat, epoch: 2 })).toBeUndefined();
    const { rows } = await client.query('SELECT heartbeat_at, appended FROM partitions WHERE partition = 0');
    expect(rows[0]).toEqual({ heartbeat_at: null, appended: 10 });
  });
});

describe('acknowledgeLoss', () => {
  it('counts every positive drift as lost and keeps a record; a negative one stays', async () => {
    await client.query('UPDATE partitions SET accepted = 17 WHERE partition = 0');
    await client.query('UPDATE partitions SET accepted = 8 WHERE partition = 1');
    await client.query('UPDATE partitions SET accepted = 11, loss_is_lower_bound = true WHERE partition = 2');
    await noteUnknownLoss(client, 3);
    const losses = [
      { partition: 0, ballots: 7, isLowerBound: false },
      { partition: 2, ballots: 1, isLowerBound: true },
      { partition: 3, ballots: 0, isLowerBound: true },
    ];
    expect(await acknowledgeLoss(client)).toEqual(losses);
    expect(
      (await readConservation(client)).map(({ drift, lost, lossIsLowerBound }) => ({
        drift,
        lost,
        lossIsLowerBound,
      })),
    ).toEqual([
      { drift: 0, lost: 7, lossIsLowerBound: false },
      { drift: -2, lost: 0, lossIsLowerBound: false },
      { drift: 0, lost: 1, lossIsLowerBound: false },
      { drift: 0, lost: 0, lossIsLowerBound: false },
    ]);
    const { rows } = await client.query(
      'SELECT partition, ballots, is_lower_bound AS "isLowerBound" FROM acknowledged_losses ORDER BY partition',
    );
    expect(rows).toEqual(losses);
  });

  it('has nothing to do a second time, and nothing for a system without a loss', async () => {
    await client.query('UPDATE partitions SET accepted = 17 WHERE partition = 0');
    expect(await acknowledgeLoss(client)).toHaveLength(1);
    expect(await acknowledgeLoss(client)).toEqual([]);
  });

  it('takes in the drift as it is after a batch that was under way', async () => {
    const worker = await connectForTests(url);
    await client.query('UPDATE partitions SET accepted = 17 WHERE partition = 0');
    await worker.query('BEGIN');
    await worker.query('UPDATE partitions SET recorded = recorded + 3 WHERE partition = 0');
    const acknowledged = acknowledgeLoss(client);
    await expect
      .poll(async () => {
        const { rows } = await worker.query(`SELECT count(*) AS n FROM pg_locks WHERE NOT granted`);
        return rows[0].n;
      })
      .toBeGreaterThan(0);
    await worker.query('COMMIT');
    expect(await acknowledged).toEqual([{ partition: 0, ballots: 4, isLowerBound: false }]);
    expect(await first()).toMatchObject({ lost: 4, drift: 0 });
  });
});

describe('inTransaction', () => {
  it('throws when the database rolled back instead of committing', async () => {
    const swallowing = inTransaction(client, async () => {
      await client.query('UPDATE partitions SET lost = 5 WHERE partition = 0');
      await client.query('SELECT 1/0').catch(() => {});
    });
    await expect(swallowing).rejects.toThrow('rolled back');
    expect((await first()).lost).toBe(0);
  });

  it('rolls back when the work throws, with the reason of the work', async () => {
    const failing = inTransaction(client, async () => {
      await client.query('UPDATE partitions SET lost = 5 WHERE partition = 0');
      throw new Error('my reason');
    });
    await expect(failing).rejects.toThrow('my reason');
    expect((await first()).lost).toBe(0);
  });
});
