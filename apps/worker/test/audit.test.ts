import { readConservation } from '@hbf/ballot-store/conservation';
import { noteUnknownLoss, takePartition } from '@hbf/ballot-store/own-partition';
import { readSystem } from '@hbf/ballot-store/system';
import { connectRedis, untilReady } from '@hbf/ballot-stream/connection';
import { tieSystem } from '@hbf/ballot-stream/partition';
import { startTestRedis } from '@hbf/local-services/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { runAcknowledgeLoss, runRecount } from '../src/audit.ts';
import { planBatch } from '../src/plan-batch.ts';
import { recordBatch } from '../src/record-batch.ts';
import { createStore, entry, makePoll, PARTITIONS } from './support/fixture.ts';

const server = await startTestRedis();
const redis = connectRedis(server.url, () => {});
afterAll(() => redis.disconnect());
await untilReady(redis, 10_000);

/** A store, and its Redis, in which partition 1 has recorded two voters' three ballots, one of them superseded. */
async function createCounted() {
  const polls = [makePoll('pets')];
  const { client, url } = await createStore(polls);
  const owned = (await takePartition(client, 1))!;
  const plan = planBatch(
    [
      entry('5-0', 3, [
        [1, 'a'],
        [2, 'b'],
        [1, 'c'],
      ]),
    ],
    {
      partition: 1,
      partitions: PARTITIONS,
      accepted: 0,
      polls: new Map(polls.map((poll) => [poll.key, poll])),
    },
  );
  await recordBatch(client, { partition: 1, epoch: owned.epoch, position: '0-0' }, plan, () => {});
  await redis.flushall();
  await tieSystem(redis, (await readSystem(client))!);
  const recount = async () => {
    const said: string[] = [];
    return { exit: await runRecount(url, (line) => said.push(line)), said };
  };
  const acknowledge = async (REDIS_URL = server.url) => {
    const said: string[] = [];
    return {
      exit: await runAcknowledgeLoss({ DATABASE_URL: url, REDIS_URL }, (line) => said.push(line)),
      said,
    };
  };
  return { client, recount, acknowledge };
}

describe('worker recount', () => {
  it('prints what it counted and exits with 0 where all is right', async () => {
    const { recount } = await createCounted();
    expect(await recount()).toEqual({
      exit: 0,
      said: [
        'pets  a  0',
        'pets  b  1',
        'pets  c  1',
        '2 ballots counted again',
        expect.stringMatching(/^partition 0: accepted 0 /),
        'partition 1: accepted 3 = recorded 2 + superseded 1 + rejected 0 + lost 0 + drift 0; queued 0, foreign entries 0',
        expect.stringMatching(/^partition 2: accepted 0 /),
        expect.stringMatching(/^partition 3: accepted 0 /),
        'the tallies are equal to the recount',
        'every accepted ballot is accounted for: the drift is 0',
      ],
    });
  });

  it('exits with 1 over a wrong tally and names it', async () => {
    const { client, recount } = await createCounted();
    await client.query(`UPDATE tallies SET votes = 5 WHERE option = 'b'`);
    const { exit, said } = await recount();
    expect(exit).toBe(1);
    expect(said).toContain('WRONG: votes pets b (partition 1): kept 5, counted 1');
    expect(said).not.toContain('the tallies are equal to the recount');
  });

  it('exits with 1 over a drift, and says when it is a lower bound', async () => {
    const { client, recount } = await createCounted();
    await client.query('UPDATE partitions SET accepted = 9 WHERE partition = 2');
    const exact = await recount();
    expect(exact.exit).toBe(1);
    expect(exact.said).toContain('DRIFT: 9 ballots of partition 2 were accepted and are missing');
    await noteUnknownLoss(client, 2);
    const { said } = await recount();
    expect(said).toContain('DRIFT: at least 9 ballots of partition 2 were accepted and are missing');
  });

  it('does not call a negative drift missing ballots', async () => {
    const { client, recount } = await createCounted();
    await client.query('UPDATE partitions SET superseded = 4 WHERE partition = 2');
    const { exit, said } = await recount();
    expect(exit).toBe(1);
    expect(said).toContain('DRIFT: 4 ballots of partition 2 were counted that were never accepted');
  });

  it('exits with 1 where ballots may be lost of which nobody knows the number', async () => {
    const { client, recount } = await createCounted();
    await noteUnknownLoss(client, 3);
    const { exit, said } = await recount();
    expect(exit).toBe(1);
    expect(said).toContain('DRIFT: at least 0 ballots of partition 3 were accepted and are missing');
    expect(said).not.toContain('every accepted ballot is accounted for: the drift is 0');
  });
});

describe('worker acknowledge-loss', () => {
  it('counts a drift as lost; then the recount is content', async () => {
    const { client, recount, acknowledge } = await createCounted();
    await client.query('UPDATE partitions SET accepted = 9 WHERE partition = 2');
    await noteUnknownLoss(client, 3);
    expect(await acknowledge()).toEqual({
      exit: 0,
      said: [
        'partition 2: 9 ballots are now counted as lost',
        'partition 3: at least 0 ballots are now counted as lost',
      ],
    });
    expect(await recount()).toMatchObject({ exit: 0 });
    expect((await readConservation(client))[2]).toMatchObject({ lost: 9, drift: 0 });
    expect(await acknowledge()).toEqual({ exit: 0, said: ['There is no loss to acknowledge.'] });
  });

  it('leaves a negative drift as it is, and exits with 1', async () => {
    const { client, acknowledge } = await createCounted();
    await client.query('UPDATE partitions SET superseded = 4 WHERE partition = 2');
    const { exit, said } = await acknowledge();
    expect(exit).toBe(1);
    expect(said).toEqual([
      'There is no loss to acknowledge.',
      expect.stringContaining('partition 2: the drift is -4. That is no loss'),
    ]);
    expect((await readConservation(client))[2]).toMatchObject({ drift: -4 });
  });

  it('counts a drift as lost while Redis is away, too', async () => {
    const { client, acknowledge } = await createCounted();
    await client.query('UPDATE partitions SET accepted = 9 WHERE partition = 2');
    expect(await acknowledge('redis://127.0.0.1:1')).toEqual({
      exit: 0,
      said: ['Redis does not answer; going on without it', 'partition 2: 9 ballots are now counted as lost'],
    });
  });
});
