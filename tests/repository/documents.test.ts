import { expect, it } from 'vitest';
import { listSources, readSource } from './root.ts';

it('every start of a release that is written down says --no-build, or an image that is missing would be built', () => {
  const documents = [
    ...listSources().filter((path) => path.endsWith('.md')),
    'compose.release.yaml',
    'compose.release.sla.yaml',
  ];
  const starts = documents.flatMap((path) =>
    // `release` is docs/operations.md's word for it; that alone, or followed by nothing, is prose.
    [
      ...readSource(path).matchAll(
        /(?:compose\.release(?:\.sla)?\.yaml|\brelease)(?: --profile \w+)? up (?:[^`#\n])*/g,
      ),
    ].map(([command]) => `${path}: ${command.trim()}`),
  );
  expect(starts.length).toBeGreaterThan(10);
  expect(starts.filter((line) => !line.includes(' --no-build'))).toEqual([]);
});
