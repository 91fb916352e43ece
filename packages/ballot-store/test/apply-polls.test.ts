import type { Poll } from '@hbf/contracts/poll';
import { describe, expect, it } from 'vitest';
import { applyPolls } from '../src/apply-polls.ts';
import { notePollClosing } from '../src/close-poll.ts';
import { readPolls, readPublication } from '../src/read-polls.ts';
import { connectForTests, createStore, makePoll } from './support/store-fixture.ts';

const HOUR = 3_600_000;
const soon = Date.now() + HOUR;
const pets = makePoll('pets', { opensAt: soon - 2 * HOUR, closesAt: soon });
const plants = makePoll('plants', { rank: 1 });

const stored = async (client: Parameters<typeof readPolls>[0]) =>
  (await readPolls(client)).map(({ poll }) => poll);

describe('applyPolls', () => {
  it('adds polls as they were declared, and the revision grows only with a change', async () => {
    const { client } = await createStore();
    expect(await readPublication(client)).toEqual({ revision: 0, polls: [] });
    expect(await applyPolls(client, [pets, plants])).toEqual({
      added: ['pets', 'plants'],
      changed: [],
      unlisted: [],
    });
    const first = await readPublication(client);
    expect(first.revision).toBe(1);
    expect(first.polls).toEqual([
      { poll: pets, closing: false, timesFrozen: false },
      { poll: plants, closing: false, timesFrozen: false },
    ]);
    expect(await applyPolls(client, [pets, plants])).toEqual({ added: [], changed: [], unlisted: [] });
    expect(await readPublication(client)).toEqual(first);
  });

  it.each<[string, Partial<Poll>]>([
    ['the question', { question: 'Dogs or cats?' }],
    ['a label', { options: pets.options.map((option) => ({ ...option, label: `New ${option.key}` })) }],
    ['the order of the options', { options: [...pets.options].reverse() }],
    ['a later end', { closesAt: soon + HOUR }],
    ['an earlier end', { closesAt: soon - HOUR / 2 }],
    ['an end that has passed already: the host ends the poll now', { closesAt: Date.now() - 1_000 }],
    ['no end', { closesAt: null }],
    ['another beginning', { opensAt: soon - HOUR }],
    ['no beginning', { opensAt: null }],
  ])('allows to change %s', async (_, change) => {
    const { client } = await createStore({ polls: [pets] });
    const after = { ...pets, ...change };
    expect(await applyPolls(client, [after])).toEqual({ added: [], changed: ['pets'], unlisted: [] });
    expect(await stored(client)).toEqual([after]);
    expect((await readPublication(client)).revision).toBe(2);
  });

  it.each<[string, Partial<Poll>, string, string]>([
    [
      'an option more',
      { options: [...pets.options, { key: 'd', label: 'D' }] },
      'options',
      'they are a, b, c',
    ],
    ['an option less', { options: pets.options.slice(1) }, 'options', 'frozen'],
    [
      'another option',
      { options: pets.options.map((o) => (o.key === 'c' ? { ...o, key: 'd' } : o)) },
      'options',
      'frozen',
    ],
    ['another eligibility', { eligibility: 'open' }, 'eligibility', 'it is browser'],
    ['fewer choices', { choices: { min: 1, max: 2 } }, 'choices', 'it is { min: 1, max: 3 }'],
    ['a higher least number of choices', { choices: { min: 2, max: 3 } }, 'choices', 'frozen'],
    ['results shown otherwise', { results: 'after-close' }, 'results', 'it is always'],
  ])(
    'refuses %s and leaves all as it was, the allowed changes beside it too',
    async (_, change, field, message) => {
      const { client } = await createStore({ polls: [pets] });
      const before = await readPublication(client);
      const outcome = await applyPolls(client, [{ ...pets, question: 'New?', ...change }, plants]);
      expect(outcome).toEqual({
        refused: [{ poll: 'pets', field, message: expect.stringContaining(message) }],
      });
      expect(await readPublication(client)).toEqual(before);
    },
  );

  it('names every refused change of every poll at once', async () => {
    const { client } = await createStore({ polls: [pets, plants] });
    const outcome = await applyPolls(client, [
      { ...pets, eligibility: 'open', results: 'after-close' },
      { ...plants, choices: { min: 1, max: 1 } },
    ]);
    expect(outcome.refused?.map(({ poll, field }) => `${poll} ${field}`)).toEqual([
      'pets eligibility',
      'pets results',
      'plants choices',
    ]);
  });

  it.each<[string, Partial<Poll>, boolean]>([
    ['a poll that closed', { closesAt: Date.now() - 1_000 }, false],
    ['a poll that closes within 5 seconds', { closesAt: Date.now() + 4_000 }, false],
    ['a poll without an end that a partition has closed', { closesAt: null }, true],
  ])('refuses to change the times of %s, and still allows labels', async (_, times, closing) => {
    const before = { ...pets, ...times };
    const { client } = await createStore({ polls: [before] });
    if (closing) await notePollClosing(client, 'pets', 0, '5-0');
    const refused = await applyPolls(client, [{ ...before, opensAt: 5, closesAt: soon + HOUR }]);
    expect(refused.refused?.map(({ field }) => field)).toEqual(['opensAt', 'closesAt']);
    expect(await stored(client)).toEqual([before]);
    expect(await applyPolls(client, [{ ...before, question: 'New?' }])).toMatchObject({ changed: ['pets'] });
  });

  it('follows a new order, keeps polls that are no longer listed behind the others, and tells them', async () => {
    const old = makePoll('old');
    const { client } = await createStore({ polls: [old, pets, plants] });
    const outcome = await applyPolls(client, [
      { ...plants, rank: 0 },
      { ...pets, rank: 1 },
    ]);
    expect(outcome).toEqual({ added: [], changed: ['plants'], unlisted: ['old'] });
    expect((await stored(client)).map(({ key, rank }) => `${key} ${rank}`)).toEqual([
      'plants 0',
      'pets 1',
      'old 2',
    ]);
    const { revision } = await readPublication(client);
    await applyPolls(client, [
      { ...plants, rank: 0 },
      { ...pets, rank: 1 },
    ]);
    expect((await readPublication(client)).revision).toBe(revision);
  });

  it('grows the revision when a poll is left out that then moves back', async () => {
    const { client } = await createStore({ polls: [pets, plants] });
    await applyPolls(client, [{ ...plants, rank: 0 }]);
    expect(await readPublication(client)).toMatchObject({ revision: 2 });
  });

  it('takes turns with another that declares the same new poll otherwise: one is applied whole, the other refused', async () => {
    const { client, url } = await createStore();
    const other = await connectForTests(url);
    const c = { key: 'c', label: 'C' };
    for (let round = 0; round < 10; round++) {
      const one = makePoll(`poll-${round}`, { options: pets.options.slice(0, 2) });
      const outcomes = await Promise.all([
        applyPolls(client, [one]),
        applyPolls(other, [{ ...one, options: [pets.options[0]!, c] }]),
      ]);
      expect(outcomes.filter(({ refused }) => refused)).toHaveLength(1);
      const applied = (await stored(client)).find(({ key }) => key === one.key);
      expect(applied!.options).toHaveLength(2);
    }
  });
});
