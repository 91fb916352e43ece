import { expect, it } from 'vitest';
import { keepLast } from '../src/keep-last.ts';

it('makes a thing once for all who ask for the same, and forgets the oldest', () => {
  let made = 0;
  const kept = keepLast<number>(2);
  const ask = (key: string) => kept(key, () => ++made);
  expect([ask('a'), ask('b'), ask('a'), ask('b')]).toEqual([1, 2, 1, 2]);
  expect([ask('c'), ask('b'), ask('a')]).toEqual([3, 2, 4]);
});
