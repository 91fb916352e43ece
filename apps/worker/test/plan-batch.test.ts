import type { BallotToRecord } from '@hbf/ballot-store/record-ballots';
import { decodeEntry, type ReadEntry } from '@hbf/ballot-stream/entry';
import { describe, expect, it } from 'vitest';
import { lastOfEachVoter, planBatch } from '../src/plan-batch.ts';
import { entry, makePoll, PARTITIONS, voter } from './support/fixture.ts';

const polls = new Map(
  [makePoll('pets'), makePoll('two', { choices: { min: 2, max: 2 } })].map((p) => [p.key, p]),
);
const plan = (entries: readonly ReadEntry[], accepted = 0) =>
  planBatch(entries, { partition: 1, partitions: PARTITIONS, accepted, polls });
const foreign = (id: string): ReadEntry => ({
  kind: 'foreign',
  id,
  reason: 'not ours',
  content: Buffer.from('x'),
});

describe('planBatch', () => {
  it('takes valid ballots in the order of their identity, with the total and the id of the last entry', () => {
    const result = plan(
      [
        entry('5-0', 12, [
          [1, 'a'],
          [2, 'b', 'c'],
        ]),
        entry('5-1', 13, [[1, 'b']]),
      ],
      10,
    );
    expect(result).toEqual({
      to: '5-1',
      accepted: 13,
      ballots: [
        { poll: 'pets', voter: voter(1), choices: ['a'], entryId: '5-0', index: 0 },
        { poll: 'pets', voter: voter(2), choices: ['b', 'c'], entryId: '5-0', index: 1 },
        { poll: 'pets', voter: voter(1), choices: ['b'], entryId: '5-1', index: 0 },
      ],
      rejections: [],
      missing: 0,
      unknownPolls: new Set(),
    });
  });

  const elsewhere = Buffer.alloc(16);
  elsewhere.writeUInt32BE(2, 0);
  const queued = { kind: 'ballots', id: '5-0', poll: 'pets', total: 1, acceptedAt: 5 } as const;
  it.each<[string, ReadEntry, string]>([
    [
      'an option that the poll does not have',
      entry('5-0', 1, [[1, 'z']]),
      'a choice is not an option of the poll',
    ],
    ['__proto__', entry('5-0', 1, [[1, '__proto__']]), 'a choice is not an option of the poll'],
    ['the same choice twice', entry('5-0', 1, [[1, 'a', 'a']]), 'a choice is there twice'],
    ['no choice', entry('5-0', 1, [[1]]), 'there are fewer choices than 1'],
    ['too few choices', entry('5-0', 1, [[1, 'a']], 'two'), 'there are fewer choices than 2'],
    ['too many choices', entry('5-0', 1, [[1, 'a', 'b', 'c']]), 'there are more choices than 2'],
    ['a poll that is not there', entry('5-0', 1, [[1, 'a']], 'nobody'), 'there is no such poll'],
    [
      'a voter of another partition',
      { ...queued, ballots: [{ voter: elsewhere, choices: ['a'] }] },
      'the voter belongs to another partition',
    ],
    [
      'no ballot',
      { ...queued, ballots: [{ malformed: 'not a ballot', content: Buffer.from('7') }] },
      'not a ballot',
    ],
  ])('rejects a ballot with %s, counts it as accepted, and keeps its neighbours', (_, bad, reason) => {
    const after = entry('6-0', 2, [[9, 'a']]);
    const result = plan([bad, after]);
    expect(result.rejections).toEqual([{ entryId: '5-0', index: 0, reason, content: expect.any(Buffer) }]);
    expect(result.ballots.map(({ entryId }) => entryId)).toEqual(['6-0']);
    expect(result).toMatchObject({ to: '6-0', accepted: 2, missing: 0 });
  });

  it('keeps what was rejected so that it can be read: poll, voter and choices', () => {
    const [rejection] = plan([entry('5-0', 1, [[1, 'z']])]).rejections;
    expect(JSON.parse(rejection!.content.toString())).toEqual({
      poll: 'pets',
      voter: voter(1).toString('hex'),
      choices: ['z'],
    });
  });

  it('names polls that it does not know', () => {
    const result = plan([entry('5-0', 1, [[1, 'a']], 'new'), entry('5-1', 2, [[1, 'a']])]);
    expect(result.unknownPolls).toEqual(new Set(['new']));
  });

  it('keeps foreign entries with their reason, and they count neither as accepted nor as missing', () => {
    const result = plan([foreign('4-0'), entry('5-0', 1, [[1, 'a']]), foreign('6-0')]);
    expect(result.rejections.map(({ entryId, index, reason }) => [entryId, index, reason])).toEqual([
      ['4-0', -1, 'not ours'],
      ['6-0', -1, 'not ours'],
    ]);
    expect(result).toMatchObject({ to: '6-0', accepted: 1, missing: 0 });
  });

  it('tells how many accepted ballots are missing before an entry, and takes its total over', () => {
    const result = plan([entry('5-0', 15, [[1, 'a']]), entry('6-0', 18, [[2, 'a']])], 10);
    expect(result).toMatchObject({ accepted: 18, missing: 4 + 2 });
    expect(result.ballots).toHaveLength(2);
  });

  it('rejects an entry whose total is beyond what Redis itself has accepted, and keeps counting', () => {
    const entries = [
      entry('5-0', 11, [[1, 'a']]),
      entry('6-0', 1_000_000, [[2, 'a']]),
      entry('7-0', 12, [[3, 'a']]),
    ];
    const standing = { partition: 1, partitions: PARTITIONS, accepted: 10, polls, ceiling: 12 };
    const result = planBatch(entries, standing);
    expect(result.rejections.map(({ entryId, index }) => [entryId, index])).toEqual([['6-0', -1]]);
    expect(result).toMatchObject({ to: '7-0', accepted: 12, missing: 0 });
    expect(result.ballots.map(({ entryId }) => entryId)).toEqual(['5-0', '7-0']);
  });

  it.each([
    ['a copy', 11],
    ['a total that stands still', 12],
    ['a total that grew by less than the entry holds', 13],
  ])('rejects an entry whose total does not follow, as %s, and goes on', (_, total) => {
    const copy = entry('6-0', total, [
      [1, 'b'],
      [2, 'b'],
    ]);
    const result = plan(
      [
        entry('5-0', 12, [
          [1, 'a'],
          [2, 'a'],
        ]),
        copy,
        entry('7-0', 13, [[3, 'a']]),
      ],
      10,
    );
    expect(result.rejections).toEqual([
      {
        entryId: '6-0',
        index: -1,
        reason: expect.stringContaining('does not follow 12'),
        content: expect.any(Buffer),
      },
    ]);
    expect(result.ballots.map(({ entryId }) => entryId)).toEqual(['5-0', '5-0', '7-0']);
    expect(result).toMatchObject({ to: '7-0', accepted: 13, missing: 0 });
  });

  it('agrees with the decoder about what may come out of a stream', () => {
    const raw = {
      v: '1',
      p: 'pets',
      n: '3',
      b: '[1,["AAAAAQAAAAAAAAAAAAAAAA",["a"]],["AAAAAQAAAAAAAAAAAAAAAA",[1]]]',
      t: '3',
    };
    const fields = Object.entries(raw).flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value)]);
    const result = plan([decodeEntry('5-0', fields)]);
    expect(result.rejections.map(({ index, reason }) => [index, reason])).toEqual([
      [0, 'not a ballot'],
      [2, 'the choices are not a list of texts'],
    ]);
    expect(result.ballots.map(({ index }) => index)).toEqual([1]);
  });
});

describe('lastOfEachVoter', () => {
  const cast = (who: number, choice: string, poll = 'pets'): BallotToRecord => ({
    poll,
    voter: voter(who),
    choices: [choice],
    entryId: '5-0',
    index: 0,
  });

  it('keeps the last of each voter in each poll', () => {
    const kept = lastOfEachVoter([
      cast(1, 'a'),
      cast(2, 'a'),
      cast(1, 'b'),
      cast(1, 'a', 'two'),
      cast(1, 'c'),
    ]);
    expect(kept).toHaveLength(3);
    expect(kept).toEqual(expect.arrayContaining([cast(1, 'c'), cast(2, 'a'), cast(1, 'a', 'two')]));
  });

  it('does not mix voters up whose bytes are no text', () => {
    const ballots = [0x80, 0x81, 0xff].map((byte) => ({ ...cast(1, 'a'), voter: Buffer.alloc(16, byte) }));
    expect(lastOfEachVoter(ballots)).toHaveLength(3);
  });
});
