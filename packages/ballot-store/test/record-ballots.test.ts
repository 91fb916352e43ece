import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, it } from 'vitest';
import { type Client, inTransaction } from '../src/connection.ts';
import { readConservation } from '../src/conservation.ts';
import { readTallies } from '../src/read-tallies.ts';
import { type BallotToRecord, recordBallots } from '../src/record-ballots.ts';
import { recount } from '../src/recount.ts';
import { ballot, connectForTests, createStore, makePoll, voter } from './support/store-fixture.ts';

const OPTIONS = ['a', 'b', 'null', 'x-1_y'];
const options = OPTIONS.map((key) => ({ key, label: key.toUpperCase() }));
const polls = ['pets', 'plants', 'stones'].map((key) =>
  makePoll(key, { options, choices: { min: 1, max: 4 } }),
);

/** The tally as the plainest possible program keeps it: the last choices of every voter, counted. */
function createModel() {
  const last = new Map<string, { poll: string; choices: readonly string[] }>();
  let accepted = 0;
  return {
    cast({ poll, voter: who, choices }: BallotToRecord) {
      accepted += 1;
      last.set(`${poll} ${who.toString('hex')}`, { poll, choices });
    },
    tallies() {
      return polls.map(({ key }) => {
        const ballots = [...last.values()].filter(({ poll }) => poll === key);
        const votes = OPTIONS.map(
          (option) => ballots.filter(({ choices }) => choices.includes(option)).length,
        );
        return { poll: key, votes, turnout: ballots.length };
      });
    },
    counts: () => ({ recorded: last.size, superseded: accepted - last.size }),
  };
}

async function keptTallies(client: Client) {
  const { polls: kept } = await readTallies(client);
  return kept.map(({ poll, votes, turnout }) => ({ poll: poll.key, votes, turnout }));
}

/** Sums what the partitions counted. */
async function keptCounts(client: Client) {
  const rows = await readConservation(client);
  const sum = (of: 'recorded' | 'superseded') => rows.reduce((total, row) => total + row[of], 0);
  return { recorded: sum('recorded'), superseded: sum('superseded') };
}

/** Random choices that a seed repeats. */
function seeded(seed: number) {
  const generator = xoroshiro128plus(seed);
  const below = (n: number) => uniformInt(generator, 0, n - 1);
  return { below, pick: <T>(items: readonly T[]): T => items[below(items.length)]! };
}

/** As the worker does: the last of each voter and poll stands for all of them. */
function collapse(ballots: readonly BallotToRecord[]): BallotToRecord[] {
  return [...new Map(ballots.map((b) => [`${b.poll} ${b.voter.toString('hex')}`, b])).values()];
}

describe('recordBallots', () => {
  it.each([1, 2, 3, 4])('keeps tallies that equal a recount and a plain model, sequence %i', async (seed) => {
    const { below, pick } = seeded(seed);
    const { client } = await createStore({ polls });
    const model = createModel();
    let ms = 1_000;
    for (let batch = 0; batch < 25; batch++) {
      const ballots: BallotToRecord[] = [];
      const size = 1 + below(60);
      for (let i = 0; i < size; i++) {
        if (below(4) === 0) ms += 1 + below(3);
        const choices = OPTIONS.filter(() => below(3) === 0);
        ballots.push(
          ballot(below(40), choices.length > 0 ? choices : [pick(OPTIONS)], {
            poll: pick(polls).key,
            entryId: `${ms}-${below(2)}`,
            index: i,
          }),
        );
      }
      // One id's ballots lie together and in order, as in a stream.
      ballots.sort((a, b) => a.entryId.localeCompare(b.entryId) || a.index - b.index);
      ms += 10;
      for (const b of ballots) model.cast(b);
      const before = await keptCounts(client);
      const result = await recordBallots(client, 2, collapse(ballots), ballots.length);
      const counts = model.counts();
      expect(result).toEqual({
        recorded: counts.recorded - before.recorded,
        superseded: counts.superseded - before.superseded,
      });
      expect(await keptTallies(client)).toEqual(model.tallies());
      expect(await keptCounts(client)).toEqual(counts);
      expect((await recount(client)).differences).toEqual([]);
    }
  });

  it('never lets an earlier ballot replace a later one: by time, by number, by index', async () => {
    const { client } = await createStore({ polls });
    const at = (ms: number, seq: number, index: number) => ({ entryId: `${ms}-${seq}`, index });
    await recordBallots(client, 0, [ballot(1, ['b'], at(100, 10, 5))], 1);
    for (const earlier of [at(99, 99, 99), at(100, 9, 99), at(100, 10, 4), at(100, 10, 5)]) {
      const result = await recordBallots(client, 0, [ballot(1, ['a'], earlier)], 1);
      expect(result, JSON.stringify(earlier)).toEqual({ recorded: 0, superseded: 1 });
      expect((await keptTallies(client))[0]).toEqual({ poll: 'pets', votes: [0, 1, 0, 0], turnout: 1 });
    }
    for (const [i, later] of [at(100, 10, 6), at(100, 11, 0), at(101, 0, 0)].entries()) {
      const choice = OPTIONS[i]!;
      await recordBallots(client, 0, [ballot(1, [choice], later)], 1);
      const votes = OPTIONS.map((option) => (option === choice ? 1 : 0));
      expect((await keptTallies(client))[0], JSON.stringify(later)).toEqual({
        poll: 'pets',
        votes,
        turnout: 1,
      });
    }
    expect((await recount(client)).differences).toEqual([]);
  });

  it('takes a second vote for the same choice without changing the tally', async () => {
    const { client } = await createStore({ polls });
    await recordBallots(client, 0, [ballot(1, ['a', 'null'], { entryId: '1-0' })], 1);
    const before = await keptTallies(client);
    const again = await recordBallots(client, 0, [ballot(1, ['null', 'a'], { entryId: '2-0' })], 1);
    expect(again).toEqual({ recorded: 0, superseded: 1 });
    expect(await keptTallies(client)).toEqual(before);
  });

  it('counts ballots that were superseded within the batch without seeing them', async () => {
    const { client } = await createStore({ polls });
    expect(await recordBallots(client, 1, [ballot(1, ['a']), ballot(2, ['a'])], 7)).toEqual({
      recorded: 2,
      superseded: 5,
    });
    expect((await readConservation(client))[1]).toMatchObject({ recorded: 2, superseded: 5, drift: -7 });
  });

  it('refuses one voter twice in a statement, and changes nothing then', async () => {
    const { client } = await createStore({ polls });
    const twice = [ballot(1, ['a'], { index: 0 }), ballot(1, ['b'], { index: 1 })];
    await expect(recordBallots(client, 0, twice, 2)).rejects.toMatchObject({ code: '21000' });
    expect((await recount(client)).ballots).toBe(0);
    expect(await keptCounts(client)).toEqual({ recorded: 0, superseded: 0 });
  });

  it('refuses an option that the poll does not have, a voter of another length and a poll that is not there', async () => {
    const { client } = await createStore({ polls });
    const wrong: [BallotToRecord, string][] = [
      [ballot(1, ['zebra']), '23503'],
      [ballot(1, ['a'], { poll: 'nobody' }), '23503'],
      [{ ...ballot(1, ['a']), voter: Buffer.alloc(15) }, '23514'],
      [ballot(1, []), '23514'],
    ];
    for (const [one, code] of wrong) {
      await expect(recordBallots(client, 0, [ballot(2, ['a']), one], 2)).rejects.toMatchObject({ code });
    }
    expect((await recount(client)).ballots).toBe(0);
  });

  it('lets four owners record the same polls at once, whatever the order, without a deadlock or a wrong tally', async () => {
    const { client, url } = await createStore({ polls });
    const owners = await Promise.all([0, 1, 2, 3].map(() => connectForTests(url)));
    const models = owners.map(() => createModel());
    await Promise.all(
      owners.map(async (owner, partition) => {
        const { below, pick } = seeded(100 + partition);
        for (let batch = 0; batch < 30; batch++) {
          const ballots = Array.from({ length: 200 }, (_, index) =>
            ballot(partition * 1_000 + below(300), [pick(OPTIONS)], {
              poll: pick(polls).key,
              entryId: `${batch + 1}-0`,
              index,
            }),
          );
          for (const one of ballots) models[partition]!.cast(one);
          const together = collapse(ballots);
          await inTransaction(owner, () => recordBallots(owner, partition, together, ballots.length));
        }
      }),
    );
    expect((await recount(client)).differences).toEqual([]);
    const expected = models.map((model) => model.tallies());
    const kept = await keptTallies(client);
    for (const [i, { poll, votes, turnout }] of kept.entries()) {
      const sum = (of: (tally: { votes: number[]; turnout: number }) => number) =>
        expected.reduce((total, tallies) => total + of(tallies[i]!), 0);
      expect(turnout, poll).toBe(sum((tally) => tally.turnout));
      expect(votes).toEqual(OPTIONS.map((_, option) => sum((tally) => tally.votes[option]!)));
    }
    const counts = await readConservation(client);
    for (const [partition, model] of models.entries())
      expect(counts[partition]).toMatchObject(model.counts());
  });

  it.each([
    ['the same voters', 0],
    ['other voters of the same partition', 1_000],
  ])(
    'lets two writers that should not be there at once wait for each other, never in a circle: %s',
    async (_, apart) => {
      const { client, url } = await createStore({ polls });
      const writers = await Promise.all([0, 1].map(() => connectForTests(url)));
      await Promise.all(
        writers.map(async (writer, which) => {
          for (let batch = 0; batch < 20; batch++) {
            const ballots = Array.from({ length: 300 }, (_, i) =>
              ballot(which * apart + i, [OPTIONS[(i + batch + which) % 4]!], {
                poll: polls[i % 3]!.key,
                entryId: `${batch * 2 + which + 1}-0`,
              }),
            );
            // They come in opposite orders.
            await recordBallots(writer, 0, which === 0 ? ballots : ballots.reverse(), ballots.length);
          }
        }),
      );
      expect((await recount(client)).differences).toEqual([]);
    },
  );

  it('keeps voters apart whose bytes differ in one place', async () => {
    const { client } = await createStore({ polls });
    const almost = voter(1);
    almost[0] = 1;
    await recordBallots(client, 0, [ballot(1, ['a']), { ...ballot(1, ['a']), voter: almost }], 2);
    expect((await keptTallies(client))[0]).toMatchObject({ turnout: 2 });
  });
});
