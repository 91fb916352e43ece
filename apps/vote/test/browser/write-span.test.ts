import { expect, it } from 'vitest';
import { writeSpan } from '../../browser/write-span.ts';

it.each([
  [0, '0:00'],
  [1, '0:01'],
  [59_000, '0:59'],
  [59_001, '1:00'],
  [725_000, '12:05'],
  [3_600_000, '1:00:00'],
  [86_399_000, '23:59:59'],
])('%d ms are written as a clock shows them: %s', (milliseconds, text) => {
  expect(writeSpan(milliseconds)).toBe(text);
});
