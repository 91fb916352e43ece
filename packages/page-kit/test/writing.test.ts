import { describe, expect, it } from 'vitest';
import { createWriting, textOf } from '../src/writing.ts';

const NOON = Date.UTC(2026, 5, 1, 12);
const english = createWriting('en-GB');
const french = createWriting('fr-FR');

describe('a moment', () => {
  const iso = new Date(NOON).toISOString();

  it('of today is written as the hour, of another day with its date', () => {
    expect(english.time(iso, 'UTC', NOON + 60_000)).toBe('12:00 UTC');
    expect(english.time(iso, 'UTC', NOON + 86_400_000)).toBe('1 Jun 2026, 12:00 UTC');
    expect(french.time(iso, 'UTC', NOON + 86_400_000)).toBe('1 juin 2026, 12:00 UTC');
  });

  it('is of today, or is not, by the zone that it is written in, which is named', () => {
    const early = new Date(NOON - 11 * 3_600_000).toISOString();
    expect(english.time(early, 'UTC', NOON)).toBe('01:00 UTC');
    expect(english.time(early, 'America/Los_Angeles', NOON)).toBe('31 May 2026, 18:00 GMT-7');
  });
});

describe('numbers and nouns', () => {
  it('go together as each language wants', () => {
    const of = (writing: typeof english) => [0, 1, 2].map((count) => writing.count(count, 'vote', 'votes'));
    expect(of(english)).toEqual(['0 votes', '1 vote', '2 votes']);
    expect(of(french)).toEqual(['0 vote', '1 vote', '2 votes']);
    expect(english.number(1_204)).toBe('1,204');
  });
});

describe('a sentence', () => {
  it('keeps what a host wrote apart from our own words', () => {
    const sentence = ['You chose ', ...english.list(['<b>', 'and', 'c']), '.'];
    expect(sentence).toEqual([
      'You chose ',
      { strong: '<b>' },
      ', ',
      { strong: 'and' },
      ' and ',
      { strong: 'c' },
      '.',
    ]);
    expect(
      textOf([...sentence, { time: new Date(NOON).toISOString() }, { line: 'More' }], english, 'UTC'),
    ).toMatch(/^You chose <b>, and and c\.1 Jun 2026, 12:00 UTC\. More$/);
  });
});
