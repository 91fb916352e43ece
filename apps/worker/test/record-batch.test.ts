import { readConservation } from '@hbf/ballot-store/conservation';
import { findBallot } from '@hbf/ballot-store/find-ballot';
import { takePartition } from '@hbf/ballot-store/own-partition';
import { readTallies } from '@hbf/ballot-store/read-tallies';
import { recount } from '@hbf/ballot-store/recount';
import type { ReadEntry } from '@hbf/ballot-stream/entry';
import { describe, expect, it } from 'vitest';
import type { Step } from '../src/failpoint.ts';
import { planBatch } from '../src/plan-batch.ts';
import { PositionMoved, recordBatch } from '../src/record-batch.ts';
import { connectForTests, createStore, entry, makePoll, PARTITIONS, voter } from './support/fixture.ts';

const polls = [makePoll('pets')];
const byKey = new Map(polls.map((poll) => [poll.key, poll]));

async function createOwner() {
  const { client, url } = await createStore(polls);
  const owned = (await takePartition(client, 1))!;
  const owner = { partition: 1, epoch: owned.epoch, position: owned.position };
  const plan = (entries: readonly ReadEntry[], accepted = 0) =>
    planBatch(entries, { partition: 1, partitions: PARTITIONS, accepted, polls: byKey });
  const figures = async () => {
    const { lossIsLowerBound, partition, lost, ...rest } = (await readConservation(client))[1]!;
    return rest;
  };
  const votes = async () => (await readTallies(client)).polls[0]!.votes;
  const status = async (who: number, entryId: string, index: number) =>
    await findBallot(client, { poll: 'pets', voter: voter(who), partition: 1, entryId, index });
  return { client, url, owner, plan, figures, votes, status };
}

const nothing = () => {};

describe('recordBatch', () => {
  it('records all of a batch, and passes every step in order', async () => {
    const { client, url, owner, plan, figures, votes } = await createOwner();
    const listener = await connectForTests(url);
    let hints = 0;
    listener.on('notification', () => {
      hints += 1;
    });
    await listener.query('LISTEN tally');
    const entries = [
      entry('5-0', 3, [
        [1, 'a'],
        [2, 'b'],
        [3, 'z'],
      ]),
      { kind: 'foreign', id: '5-1', reason: 'not ours', content: Buffer.from([0]) } as const,
      entry('6-0', 5, [
        [1, 'c'],
        [2, 'b'],
      ]),
    ];
    const steps: Step[] = [];
    const result = await recordBatch(client, owner, plan(entries), (step) => steps.push(step));
    expect(result).toEqual({ recorded: 2, superseded: 2, rejected: 1, foreign: 1 });
    expect(steps).toEqual(['begun', 'moved', 'recorded', 'rejected', 'notified', 'committed']);
    expect(await votes()).toEqual([0, 1, 1]);
    expect(await figures()).toEqual({
      accepted: 5,
      recorded: 2,
      superseded: 2,
      rejected: 1,
      drift: 0,
      foreignEntries: 1,
      appended: 5,
      position: '6-0',
    });
    expect((await recount(client)).differences).toEqual([]);
    await expect.poll(() => hints).toBe(1);
  });

  it('reaches the step "rejected" only where something is rejected', async () => {
    const { client, owner, plan } = await createOwner();
    const steps: Step[] = [];
    await recordBatch(client, owner, plan([entry('5-0', 1, [[1, 'a']])]), (step) => steps.push(step));
    expect(steps).toEqual(['begun', 'moved', 'recorded', 'notified', 'committed']);
  });

  it('moves the position also when nothing in the batch can be recorded', async () => {
    const { client, owner, plan, figures } = await createOwner();
    await recordBatch(client, owner, plan([entry('5-0', 1, [[1, 'z']])]), nothing);
    expect(await figures()).toMatchObject({
      accepted: 1,
      recorded: 0,
      rejected: 1,
      drift: 0,
      position: '5-0',
    });
  });

  it('records a batch once: tried again from the same position it changes nothing', async () => {
    const { client, owner, plan, figures } = await createOwner();
    const batch = plan([entry('5-0', 1, [[1, 'a']])]);
    await recordBatch(client, owner, batch, nothing);
    const before = await figures();
    await expect(recordBatch(client, owner, batch, nothing)).rejects.toThrow(PositionMoved);
    expect(await figures()).toEqual(before);
  });

  it('changes nothing for an owner whose partition was taken over', async () => {
    const { client, owner, plan, figures } = await createOwner();
    await client.query('UPDATE partitions SET epoch = epoch + 1 WHERE partition = 1');
    const before = await figures();
    const late = recordBatch(client, owner, plan([entry('5-0', 1, [[1, 'a']])]), nothing);
    await expect(late).rejects.toThrow('partition 1 is not at 0-0 any more');
    expect(await figures()).toEqual(before);
    expect((await recount(client)).ballots).toBe(0);
  });

  it.each(['begun', 'moved', 'recorded', 'rejected', 'notified'] as const)(
    'leaves nothing behind when it fails right after the step "%s"',
    async (failing) => {
      const { client, owner, plan, figures } = await createOwner();
      const before = await figures();
      const batch = plan([
        entry('5-0', 2, [
          [1, 'a'],
          [2, 'z'],
        ]),
      ]);
      const failed = recordBatch(client, owner, batch, (step) => {
        if (step === failing) throw new Error('here');
      });
      await expect(failed).rejects.toThrow('here');
      expect(await figures()).toEqual(before);
      expect(await recount(client)).toMatchObject({ ballots: 0, differences: [] });
      await recordBatch(client, owner, batch, nothing);
      expect(await figures()).toMatchObject({ recorded: 1, rejected: 1, drift: 0 });
    },
  );

  describe('with a data error that no check foresaw', () => {
    const culprits = async (client: Awaited<ReturnType<typeof createOwner>>['client']) =>
      (
        await client.query(
          'SELECT entry_ms, entry_index, reason, content FROM rejected_ballots ORDER BY 1, 2',
        )
      ).rows;

    it('rejects the culprits alone, with the reason of the database, and every figure adds up', async () => {
      const { client, owner, plan, figures, votes, status } = await createOwner();
      await client.query(`ALTER TABLE ballots ADD CONSTRAINT no_b_and_c CHECK (choices <> '{b,c}')`);
      const many = Array.from({ length: 50 }, (_, i) => [i + 10, 'a'] as const);
      const entries = [
        entry('5-0', 52, [[1, 'a'], ...many, [2, 'b']]),
        // Voter 1's second ballot is a culprit: the first one must go on counting.
        entry('6-0', 54, [
          [1, 'b', 'c'],
          [2, 'c'],
        ]),
        entry('7-0', 55, [[3, 'b', 'c']]),
      ];
      const result = await recordBatch(client, owner, plan(entries), nothing);
      expect(result).toEqual({ recorded: 52, superseded: 1, rejected: 2, foreign: 0 });
      expect(await votes()).toEqual([51, 0, 1]);
      expect(await figures()).toMatchObject({
        accepted: 55,
        recorded: 52,
        superseded: 1,
        rejected: 2,
        drift: 0,
        position: '7-0',
      });
      expect((await recount(client)).differences).toEqual([]);
      const rejected = await culprits(client);
      expect(rejected.map(({ entry_ms, entry_index }) => [entry_ms, entry_index])).toEqual([
        ['6', 0],
        ['7', 0],
      ]);
      for (const { reason } of rejected) expect(reason).toMatch(/^the database refused it: .*no_b_and_c/);
      expect(await status(1, '5-0', 0)).toEqual({ status: 'counted' });
      expect(await status(1, '6-0', 0)).toMatchObject({ status: 'rejected' });
      expect(await status(2, '5-0', 51)).toEqual({ status: 'superseded' });
      expect(await status(3, '7-0', 0)).toMatchObject({ status: 'rejected' });
    });

    it('keeps those that were rejected for another reason beside it, once', async () => {
      const { client, owner, plan, figures } = await createOwner();
      await client.query(`ALTER TABLE ballots ADD CONSTRAINT no_c CHECK (choices <> '{c}')`);
      await recordBatch(
        client,
        owner,
        plan([
          entry('5-0', 3, [
            [1, 'z'],
            [2, 'c'],
            [3, 'a'],
          ]),
        ]),
        nothing,
      );
      expect((await culprits(client)).map(({ entry_index }) => entry_index)).toEqual([0, 1]);
      expect(await figures()).toMatchObject({ recorded: 1, rejected: 2, drift: 0 });
    });

    it('rejects all when all are culprits', async () => {
      const { client, owner, plan, figures } = await createOwner();
      await client.query(`ALTER TABLE ballots ADD CONSTRAINT none CHECK (poll = 'nobody')`);
      await recordBatch(
        client,
        owner,
        plan([
          entry(
            '5-0',
            5,
            [1, 2, 3, 4, 5].map((who) => [who, 'a'] as const),
          ),
        ]),
        nothing,
      );
      expect(await figures()).toMatchObject({ recorded: 0, rejected: 5, drift: 0, position: '5-0' });
    });

    it('does not blame a ballot for a tally that somebody lowered', async () => {
      const { client, owner, plan, figures } = await createOwner();
      await recordBatch(client, owner, plan([entry('5-0', 1, [[1, 'a']])]), nothing);
      await client.query('UPDATE tallies SET votes = 0');
      const change = plan([entry('6-0', 2, [[1, 'b']])], 1);
      await expect(recordBatch(client, { ...owner, position: '5-0' }, change, nothing)).rejects.toMatchObject(
        {
          code: '23514',
          table: 'tallies',
        },
      );
      expect(await figures()).toMatchObject({ recorded: 1, rejected: 0, position: '5-0' });
    });

    it('does not take an error for one of the data that will pass by itself', async () => {
      const { client, owner, plan, figures } = await createOwner();
      await client.query(`SET statement_timeout = 100`);
      await client.query(`
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NEW; END';
        CREATE TRIGGER slow BEFORE INSERT ON ballots FOR EACH ROW EXECUTE FUNCTION slow()`);
      const slow = recordBatch(client, owner, plan([entry('5-0', 1, [[1, 'a']])]), nothing);
      await expect(slow).rejects.toMatchObject({ code: '57014' });
      expect(await figures()).toMatchObject({ accepted: 0, rejected: 0, position: '0-0' });
    });
  });
});
