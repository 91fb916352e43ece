import { describe, expect, it } from 'vitest';
import { listSources, readSource } from './root.ts';

/** All that runs in a service or in a voter's browser. */
const sources = [
  'apps/vote/',
  'apps/worker/',
  'apps/result/',
  'packages/ballot-store/',
  'packages/ballot-stream/',
  'packages/contracts/',
  'packages/page-kit/',
  'packages/receipt/',
  'packages/service-kit/',
]
  .flatMap((folder) => listSources(folder))
  .filter((path) => /\/(src|browser)\/.*\.(ts|mjs)$/.test(path) && !path.endsWith('/build.mjs'));

/** The files with a line that this matches, comments left out. */
const filesWith = (pattern: RegExp): string[] =>
  sources.filter((path) =>
    readSource(path)
      .split('\n')
      .some((line) => !/^\s*(\/\/|\*|\/\*)/.test(line) && pattern.test(line)),
  );

describe('the code of the services', () => {
  it('is found by these tests', () => {
    expect(sources.length).toBeGreaterThan(80);
    expect(filesWith(/\bfrom 'node:crypto'/)).toContain('packages/service-kit/src/keyring.ts');
  });

  it('starts no other program and runs no text as code', () => {
    expect(filesWith(/child_process|node:vm|\beval\(|new Function\b|renderString/)).toEqual(
      // The one that is Redis's EVAL, for a script of ours.
      ['packages/ballot-stream/src/run-script.ts'],
    );
  });

  it('asks for no address, but the page for what has become of its receipt and for pages of its own service', () => {
    expect(filesWith(/\bfetch\(|\bhttps?\.(get|request)\(|new WebSocket\(|XMLHttpRequest/)).toEqual([
      'apps/vote/browser/vote.ts',
      'packages/page-kit/browser/page.ts',
    ]);
  });

  it('puts text into pages as text alone', () => {
    expect(filesWith(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|<%~/)).toEqual([]);
    const views = ['apps/', 'packages/page-kit/']
      .flatMap((folder) => listSources(folder))
      .filter((path) => path.endsWith('.eta'));
    expect(views.length).toBeGreaterThan(10);
    // What is put in unescaped holds nothing that a host or a voter wrote, or escapes it itself.
    const unescaped = views.flatMap((path) =>
      [...readSource(path).matchAll(/<%~\s*(.*?)\s*%>/g)].map(([, code = '']) => code),
    );
    const harmless = [
      // One of two texts of ours, with a number in it at the most.
      /^[\w. >]+( === '\w+')? \? ('[\w "=-]*'|` [\w-]+="\$\{Number\([\w.]+\)\}"`) : '[\w -]*'$/,
      // Another template, which escapes: a sentence with what a host wrote, the form, a drawing.
      /^include\('\.\/[\w-]+'(, \{[^}]*\})?\)$/,
      /^say\(.+\)$/,
      /^form\(\)$/,
      /^it\.body$/,
    ];
    expect(unescaped.filter((code) => !harmless.some((pattern) => pattern.test(code)))).toEqual([]);
  });

  it('draws random numbers from the generator for cryptography alone', () => {
    expect(filesWith(/Math\.random/)).toEqual([]);
  });

  it('hashes with nothing older than SHA-256, and encrypts nothing by itself', () => {
    // Redis names a script by its SHA-1; nothing rests on that.
    const hashes = sources
      .filter((path) => path !== 'packages/ballot-stream/src/run-script.ts')
      .flatMap((path) =>
        [...readSource(path).matchAll(/createH(?:ash|mac)\(\s*'([\w-]+)'/g)].map(([, name]) => name),
      );
    expect(new Set(hashes)).toEqual(new Set(['sha256']));
    expect(filesWith(/createCipher|createDecipher|createSign\(|'md5'/i)).toEqual([]);
  });
});
