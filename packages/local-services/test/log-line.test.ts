import { expect, test } from 'vitest';
import { isTrouble, oncePer, readable, readLogLine } from '../src/log-line.ts';

test('reads the level and the message of a JSON line, with the cause that it does not name itself', () => {
  expect(
    readLogLine('{"level":"warn","msg":"Redis is away","err":{"message":"connect ECONNREFUSED"}}'),
  ).toEqual({
    level: 'warn',
    text: 'Redis is away: connect ECONNREFUSED',
  });
  expect(readLogLine('{"level":50,"err":{"message":"no\\nline"},"msg":""}')).toEqual({
    level: 'error',
    text: 'no line',
  });
});

test('takes what is no JSON line of a logger for plain text', () => {
  for (const line of ['Error: oh', '{', '{"a":1}', '{"level":{}}', '']) {
    expect(readLogLine(line)).toBeUndefined();
    expect(readable(line)).toBe(line);
  }
});

test('shows people warnings and errors only', () => {
  const shown = ['debug', 'info', 'warn', 'error', 'fatal'].filter((level) => isTrouble({ level, text: '' }));
  expect(shown).toEqual(['warn', 'error', 'fatal']);
});

test('lets the same text through once in its time', () => {
  let now = 0;
  const isNew = oncePer(1000, () => now);
  expect([isNew('a'), isNew('a'), isNew('b')]).toEqual([true, false, true]);
  now = 1000;
  expect([isNew('a'), isNew('a')]).toEqual([true, false]);
});
