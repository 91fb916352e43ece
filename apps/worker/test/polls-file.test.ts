import { describe, expect, it } from 'vitest';
import { parsePollsFile } from '../src/polls-file.ts';

const GOOD = `polls:
  - key: pets
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
`;

function mistakes(text: string) {
  const read = parsePollsFile(text);
  return 'mistakes' in read ? read.mistakes.map(({ line, message }) => `${line}: ${message}`) : [];
}
const expectMistake = (text: string, ...expected: (string | RegExp)[]) => {
  const found = mistakes(text);
  expect(found).toHaveLength(expected.length);
  for (const [i, one] of expected.entries()) expect(found[i]).toMatch(one);
};

describe('parsePollsFile', () => {
  it('reads polls in order, with what is not said filled in and times in milliseconds', () => {
    const text = `${GOOD}  - key: lunch
    question: Where to?
    options:
      z-last: Zoo
      a_first: Aquarium
    eligibility: open
    choices: { min: 1, max: 2 }
    results: after-close
    opensAt: 2026-01-02T03:04:05+01:00
    closesAt: "2026-12-31T18:00:00.5Z"
`;
    const read = parsePollsFile(text);
    if ('mistakes' in read) throw new Error(JSON.stringify(read.mistakes));
    expect(read.polls).toEqual([
      {
        key: 'pets',
        rank: 0,
        question: 'Cats or dogs?',
        options: [
          { key: 'a', label: 'Cats' },
          { key: 'b', label: 'Dogs' },
        ],
        eligibility: 'browser',
        choices: { min: 1, max: 1 },
        results: 'always',
        opensAt: null,
        closesAt: null,
      },
      {
        key: 'lunch',
        rank: 1,
        question: 'Where to?',
        options: [
          { key: 'z-last', label: 'Zoo' },
          { key: 'a_first', label: 'Aquarium' },
        ],
        eligibility: 'open',
        choices: { min: 1, max: 2 },
        results: 'after-close',
        opensAt: Date.UTC(2026, 0, 2, 2, 4, 5),
        closesAt: Date.UTC(2026, 11, 31, 18, 0, 0, 500),
      },
    ]);
    expect(read.lineOf('pets', 'options')).toBe(4);
    expect(read.lineOf('lunch', 'eligibility')).toBe(10);
    // A field that is left out: the poll that it is left out of.
    expect(read.lineOf('pets', 'closesAt')).toBe(2);
  });

  it('keeps the order of options whose keys are numbers', () => {
    const read = parsePollsFile(GOOD.replace('{ a: Cats, b: Dogs }', '{ 10: Ten, 9: Nine, 1: One }'));
    if ('mistakes' in read) throw new Error(JSON.stringify(read.mistakes));
    expect(read.polls[0]!.options.map(({ key }) => key)).toEqual(['10', '9', '1']);
  });

  it('names the line of what is no YAML', () => {
    expectMistake(`polls:\n  - key: "pets\n`, /^[23]: .*quote/i);
    expectMistake(`polls:\n\t- key: pets\n`, /^2: .*tab/i);
    expectMistake(`polls:\n  - key: pets\n   question: x\n`, /^3: /);
  });

  it('refuses a key that is there twice, of a field, an option and a poll', () => {
    expectMistake(`${GOOD}    question: Again?\n`, /^5: .*unique/);
    expectMistake(GOOD.replace('b: Dogs', 'a: Dogs'), /^4: .*unique/);
    expectMistake(`${GOOD}${GOOD.slice('polls:\n'.length)}`, '5: poll 2, key: the key "pets" is used twice');
  });

  it('refuses fields that it does not know', () => {
    expectMistake(`${GOOD}    eligiblity: open\n`, /^5: poll 1, eligiblity: there is no such field/);
    expectMistake(`${GOOD}title: x\n`, '5: title: there is no such field');
    expectMistake(
      `${GOOD}    choices: { minimum: 1 }\n`,
      /^5: poll 1, choices, minimum: there is no such field/,
    );
  });

  it.each([
    ['an empty file', '', /^1: the file: /],
    ['a list', '- a\n', /^1: the file: /],
    ['a text', 'hello', /^1: the file: /],
    ['no polls', 'polls: []\n', /^1: polls: declare at least one poll/],
    ['a question that is a number', GOOD.replace('Cats or dogs?', '7'), /^3: poll 1, question: /],
    ['an empty question', GOOD.replace('Cats or dogs?', '"  "'), /^3: poll 1, question: must not be empty/],
    ['a key with capitals', GOOD.replace('pets', 'Pets'), /^2: poll 1, key: must be 1 to 40/],
    ['options as a list', GOOD.replace('{ a: Cats, b: Dogs }', '[Cats, Dogs]'), /^4: poll 1, options: /],
    ['a single option', GOOD.replace(', b: Dogs', ''), /^4: poll 1, options: a poll needs at least two/],
    ['__proto__ as an option', GOOD.replace('b: Dogs', '__proto__: Dogs'), /^4: poll 1, options/],
    ['an eligibility that is not there', `${GOOD}    eligibility: code\n`, /^5: poll 1, eligibility: /],
    ['more choices than options', `${GOOD}    choices: { max: 3 }\n`, /^5: poll 1, choices, max: /],
    [
      'a time without a zone',
      `${GOOD}    opensAt: 2026-12-31T18:00:00\n`,
      /^5: poll 1, opensAt: must be an ISO/,
    ],
    ['a date alone', `${GOOD}    opensAt: 2026-12-31\n`, /^5: poll 1, opensAt: must be an ISO/],
    ['results that would never be shown', `${GOOD}    results: after-close\n`, /^5: poll 1, results: /],
  ])('refuses %s and names the line', (_, text, expected) => {
    expectMistake(text, expected);
  });

  it('names the line of an option in a block as well', () => {
    expectMistake(
      GOOD.replace('{ a: Cats, b: Dogs }', '\n      a: Cats\n      b: ""'),
      /^6: poll 1, options, b: /,
    );
  });

  it('names every mistake at once', () => {
    expect(mistakes(GOOD.replace('pets', 'Pets').replace('Dogs }', '"" }'))).toHaveLength(2);
  });

  it.each([
    ['NUL, as it is', '\u0000'],
    ['NUL, written', '\\0'],
    ['an escape sequence of terminals', '\\e[31m'],
    ['a line break', '\\n'],
    ['a control character of the upper range', '\\x9b'],
  ])('refuses %s in what people read', (_, character) => {
    expectMistake(GOOD.replace('Cats or dogs?', `"Cats${character}dogs"`), /^3: /);
    expectMistake(GOOD.replace('Cats,', `"Ca${character}ts",`), /^4: /);
  });

  it('refuses an alias where it stands, before it could grow', () => {
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
polls: *g
`;
    expectMistake(bomb, /^2: aliases \(\*a\) cannot be used here/);
    expectMistake(`${GOOD}  - &x\n    key: y\n  - *x\n`, /^7: aliases \(\*x\) cannot be used here/);
  });
});
