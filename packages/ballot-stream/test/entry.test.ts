import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, it } from 'vitest';
import { acceptedAt, decodeEntry, encodeBallots, MAX_BALLOTS_PER_ENTRY } from '../src/entry.ts';
import { compareEntryIds, FIRST_POSITION } from '../src/entry-id.ts';
import { voter } from './support/partition-fixture.ts';

const ID = '1700000000000-3';
const GOOD = {
  v: '2',
  p: 'pets',
  n: '1',
  b: encodeBallots([{ voter: voter(7), choices: ['a'] }]),
  t: '12',
  a: '1699999999000',
};

const fields = (changes: Record<string, string | Buffer | undefined> = {}) =>
  Object.entries({ ...GOOD, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [Buffer.from(name), Buffer.from(value as string)],
  );

describe('decodeEntry', () => {
  it('reads back what encodeBallots wrote, in order, every byte of the voter included', () => {
    const generator = xoroshiro128plus(1);
    const below = (n: number) => uniformInt(generator, 0, n - 1);
    const texts = ['a', 'b', 'null', 'x-1_y'];
    const ballots = Array.from({ length: MAX_BALLOTS_PER_ENTRY }, () => ({
      voter: Buffer.from(Array.from({ length: 16 }, () => below(256))),
      choices: Array.from({ length: 1 + below(3) }, () => texts[below(texts.length)]!),
    }));
    const read = decodeEntry(ID, fields({ n: '200', b: encodeBallots(ballots), t: '999999999999999' }));
    expect(read).toEqual({
      kind: 'ballots',
      id: ID,
      poll: 'pets',
      total: 999_999_999_999_999,
      acceptedAt: 1_699_999_999_000,
      ballots,
    });
  });

  it('takes the fields in any order', () => {
    const shuffled = ['a', 't', 'b', 'n', 'p', 'v'].flatMap((name) => [
      Buffer.from(name),
      Buffer.from(GOOD[name as keyof typeof GOOD]),
    ]);
    expect(decodeEntry(ID, shuffled)).toEqual(decodeEntry(ID, fields()));
  });

  it('reads an entry from before entries had a time, and takes it from the id', () => {
    const old = decodeEntry(ID, fields({ v: '1', a: undefined }));
    expect(old).toEqual({ ...decodeEntry(ID, fields()), acceptedAt: 1_700_000_000_000 });
  });

  const wrongFields = 'the entry does not have the fields of a ballot entry';
  const wrongNumber = 'the entry does not hold the number of ballots that it names';
  it.each([
    ['no fields', [], wrongFields],
    ['a field too few', fields({ t: undefined }), wrongFields],
    ['a field too many', fields({ x: '1' }), wrongFields],
    ['a field of another name', [...fields({ t: undefined }), ...fields({}).slice(0, 2)], wrongFields],
    ['an odd number of parts', fields().slice(1), wrongFields],
    ['a time that its version does not have', fields({ v: '1' }), wrongFields],
    ['no time', fields({ a: undefined }), wrongFields],
    ['an empty time', fields({ a: '' }), 'the entry has no valid time'],
    ['a negative time', fields({ a: '-1' }), 'the entry has no valid time'],
    ['a time over what a number holds', fields({ a: '9'.repeat(16) }), 'the entry has no valid time'],
    ['a time that is no number', fields({ a: 'NaN' }), 'the entry has no valid time'],
    ['a later version', fields({ v: '3' }), 'the entry has an unknown format version'],
    [
      'a later version and other fields',
      fields({ v: '3', a: undefined }),
      'the entry has an unknown format version',
    ],
    ['a total of 0', fields({ t: '0' }), 'the entry has no valid total'],
    ['a negative total', fields({ t: '-1' }), 'the entry has no valid total'],
    ['a total with a fraction', fields({ t: '1.5' }), 'the entry has no valid total'],
    ['a total in powers of ten', fields({ t: '1e3' }), 'the entry has no valid total'],
    ['a total over what a number holds', fields({ t: '9'.repeat(16) }), 'the entry has no valid total'],
    ['a total with a line break', fields({ t: '1\n' }), 'the entry has no valid total'],
    ['ballots that are not JSON', fields({ b: '[[' }), 'the ballots of the entry are not JSON'],
    [
      'ballots that are bytes',
      fields({ b: Buffer.from([0xff, 0x00, 0xfe]) }),
      'the ballots of the entry are not JSON',
    ],
    ['ballots that are no list', fields({ b: '{"length":1}' }), wrongNumber],
    ['no ballots', fields({ b: '[]', n: '0' }), wrongNumber],
    ['fewer ballots than named', fields({ n: '2' }), wrongNumber],
    ['a number of ballots written otherwise', fields({ n: '01' }), wrongNumber],
  ])('calls an entry with %s foreign, says why, and keeps its content', (_, parts, reason) => {
    const read = decodeEntry(ID, parts);
    expect(read).toMatchObject({ kind: 'foreign', id: ID, reason });
    const { content } = read as { content: Buffer };
    expect(JSON.parse(content.toString())).toEqual(parts.map((part) => part.toString('latin1')));
  });

  it('calls an entry foreign that holds more ballots than vote ever puts into one: their index must fit the table', () => {
    const many = JSON.stringify(Array.from({ length: MAX_BALLOTS_PER_ENTRY + 1 }, () => 0));
    expect(decodeEntry(ID, fields({ n: '201', b: many, t: '500' }))).toMatchObject({
      kind: 'foreign',
      reason: 'the entry holds more ballots than an entry may',
    });
  });

  it.each([
    ['a number', 1, 'not a ballot'],
    ['null', null, 'not a ballot'],
    ['an object', { voter: 'x' }, 'not a ballot'],
    ['an empty list', [], 'not a ballot'],
    ['three parts', ['AAAAAAAAAAAAAAAAAAAAAA', ['a'], 1], 'not a ballot'],
    ['a voter of 15 bytes', ['AAAAAAAAAAAAAAAAAAAA', ['a']], 'the voter is not 16 bytes'],
    ['a voter of 17 bytes', ['AAAAAAAAAAAAAAAAAAAAAAA', ['a']], 'the voter is not 16 bytes'],
    ['a voter in base64', ['AAAAAAAAAAAAAAAAAAAA+/', ['a']], 'the voter is not 16 bytes'],
    ['a voter with a line break', ['AAAAAAAAAAAAAAAAAAAAAA\n', ['a']], 'the voter is not 16 bytes'],
    ['a voter that is a number', [1, ['a']], 'the voter is not 16 bytes'],
    ['choices that are a text', ['AAAAAAAAAAAAAAAAAAAAAA', 'a'], 'the choices are not a list of texts'],
    ['choices that are numbers', ['AAAAAAAAAAAAAAAAAAAAAA', [1]], 'the choices are not a list of texts'],
  ])('keeps a ballot that is %s beside its good neighbour, with the reason', (_, element, malformed) => {
    const good = JSON.parse(GOOD.b)[0];
    const read = decodeEntry(ID, fields({ n: '2', b: JSON.stringify([element, good]) }));
    expect(read).toMatchObject({
      kind: 'ballots',
      ballots: [{ malformed }, { voter: voter(7), choices: ['a'] }],
    });
    const [bad] = (read as { ballots: { content: Buffer }[] }).ballots;
    expect(JSON.parse(bad!.content.toString())).toEqual(element);
  });

  it('does not throw on lists nested too deep to be written again', () => {
    const deep = `[${'['.repeat(100_000)}${']'.repeat(100_000)}]`;
    expect(decodeEntry(ID, fields({ b: deep }))).toMatchObject({ ballots: [{ malformed: 'not a ballot' }] });
  });

  it('never throws, whatever the bytes are', () => {
    const generator = xoroshiro128plus(20_260_719);
    const below = (n: number) => uniformInt(generator, 0, n - 1);
    const values = [
      ...Object.values(GOOD),
      '',
      '0',
      '[]',
      '[null]',
      '{}',
      '[[1,2]]',
      '\u0000',
      '__proto__',
      '1e400',
    ];
    const names = [...Object.keys(GOOD), '__proto__', 'toString', ''];
    const kinds = new Set<string>();
    for (let round = 0; round < 20_000; round++) {
      const mutate = (bytes: Buffer) => {
        if (bytes.length > 0 && below(8) === 0) bytes[below(bytes.length)] = below(256);
        return bytes;
      };
      let parts = fields().map(mutate);
      if (below(2) === 0) {
        const position = below(parts.length);
        const part =
          below(3) === 0
            ? Array.from({ length: below(40) }, () => below(256))
            : [...values, ...names][below(values.length + names.length)]!;
        parts[position] = Buffer.from(part as string);
      }
      if (below(10) === 0) parts = parts.slice(0, below(parts.length + 1));
      const read = decodeEntry(ID, parts);
      kinds.add(read.kind === 'ballots' && 'malformed' in read.ballots[0]! ? 'malformed' : read.kind);
    }
    // Each outcome was met: the sequence did not wander off into one corner.
    expect([...kinds].sort()).toEqual(['ballots', 'foreign', 'malformed']);
  });
});

describe('acceptedAt', () => {
  it.each([
    ['the time in the field', '1699999999000', 1_699_999_999_000],
    ['the time of the id where there is no field', undefined, 1_700_000_000_000],
    ['the time of the id where the field says nothing', '', 1_700_000_000_000],
    ['the time of the id where the field is no number', '1e3', 1_700_000_000_000],
    ['the time of the id where the field says a later one', '999999999999999', 1_700_000_000_000],
  ])('is %s', (_, field, expected) => {
    expect(acceptedAt(ID, field)).toBe(expected);
  });
});

describe('compareEntryIds', () => {
  it('orders by time, then by number, as numbers and not as texts', () => {
    const ordered = [
      FIRST_POSITION,
      '0-1',
      '9-10',
      '10-9',
      '10-10',
      '1700000000000-0',
      '1700000000000-18446744073709551614',
      '1700000000000-18446744073709551615',
      '18446744073709551615-0',
    ];
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        expect(Math.sign(compareEntryIds(a, b)), `${a} and ${b}`).toBe(Math.sign(i - j));
      }
    }
  });
});
