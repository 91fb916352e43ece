import { describe, expect, it } from 'vitest';
import { readSource } from './root.ts';

/**
 * docs/security.md shows each of its claims by tests, written as links to their files followed by the tests' names in
 * quotes: `[file](../path) "a name" "another"`. Where something is not shown by a test, the cell says so.
 */
const DOCUMENT = 'docs/security.md';
const CITATION = /\[[^\]]+\]\(\.\.\/((?:[^)\s]+\/)?(?:tests?|attacks)\/[^)\s]+\.ts)\)((?:\s*"[^"|]+")*)/g;

const document = readSource(DOCUMENT);
const citations = [...document.matchAll(CITATION)].map(([, path = '', names = '']) => ({
  path,
  names: [...names.matchAll(/"([^"]+)"/g)].map(([, name]) => name as string),
}));

/** The names of the tests and of their groups in a file, as they stand in its source. */
function namesIn(source: string): Set<string> {
  const calls = source.matchAll(
    /\b(?:it|test|describe)(?:\.\w+(?:<[^()]*>)?(?:\((?:[^()]|\([^()]*\))*\))?)*\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g,
  );
  return new Set([...calls].map(([, , name = '']) => name.replace(/\\(.)/g, '$1')));
}

/** The rows of the tables whose first cell names a requirement of ASVS. */
const rows = document
  .split('\n')
  .filter((line) => /^\| \d+\.\d+\.\d+ L[123] \|/.test(line))
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe('docs/security.md', () => {
  it('cites tests that exist, by the names that they have', () => {
    expect(citations.length).toBeGreaterThan(50);
    const missing = citations.flatMap(({ path, names }) => {
      const there = namesIn(readSource(path));
      return names.filter((name) => !there.has(name)).map((name) => `${path}: "${name}"`);
    });
    expect(missing).toEqual([]);
  });

  it('names a test with each file that it cites', () => {
    expect(citations.filter(({ names }) => names.length === 0)).toEqual([]);
  });

  it('says in every row what is done, and by which test that is shown or that none shows it', () => {
    expect(rows.length).toBeGreaterThan(60);
    for (const row of rows) {
      const [id, , done = '', shown = ''] = row;
      expect(row, id).toHaveLength(4);
      expect(done, id).not.toBe('');
      expect(shown, id).toMatch(/^\[[^\]]+\]\(\.\.\/.+\.ts\) "|^not shown by a test/);
    }
  });

  it('has each requirement once, in order', () => {
    const ids = rows.map(([id = '']) => id.replace(/ .*/, ''));
    const inOrder = ids.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    expect(ids).toEqual(inOrder);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('links to files that exist', () => {
    for (const [, path = ''] of document.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g))
      expect(() => readSource(path.startsWith('../') ? path.slice(3) : `docs/${path}`), path).not.toThrow();
  });
});
