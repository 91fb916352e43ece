import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  ConfigurationError,
  logLevel,
  nodeEnv,
  origin,
  port,
  readEnvironment,
  trustProxy,
  urlOf,
  wholeNumber,
} from '../src/environment.ts';

const directory = mkdtempSync(join(tmpdir(), 'hbf-environment-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileWith(content: string): string {
  const path = join(directory, `${Math.random()}`);
  writeFileSync(path, content);
  return path;
}

function faults(shape: z.ZodRawShape, env: Record<string, string | undefined>): string[] {
  try {
    readEnvironment(shape, env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message.split('\n  ').slice(1);
  }
}

const taken = (schema: z.ZodType, value: string): unknown => {
  const result = schema.safeParse(value);
  return result.success ? result.data : 'refused';
};

describe('readEnvironment', () => {
  const shape = { PORT: port(80), REDIS_URL: urlOf('redis:'), KEY: z.string(), LIMIT: wholeNumber(1, 9) };

  it('returns every value, with defaults where nothing is set, and nothing else', () => {
    const env = { REDIS_URL: 'redis://h', KEY: 'k', LIMIT: '9', OTHER: 'x' };
    expect(readEnvironment(shape, env)).toEqual({ PORT: 80, REDIS_URL: 'redis://h', KEY: 'k', LIMIT: 9 });
  });

  it('names every variable at fault at once, each once', () => {
    expect(faults(shape, { PORT: '80a', REDIS_URL: 'postgres://h', LIMIT: '10' })).toEqual([
      'PORT: must be a port number',
      'REDIS_URL: must be a URL that starts with redis://',
      'KEY: is required and not set',
      'LIMIT: must be from 1 to 9',
    ]);
  });

  it('takes an empty variable for unset', () => {
    expect(faults({ KEY: z.string() }, { KEY: '' })).toEqual(['KEY: is required and not set']);
    expect(readEnvironment({ PORT: port(80) }, { PORT: '', PORT_FILE: '' })).toEqual({ PORT: 80 });
  });

  it('reads a secret from a file, without the line break at its end', () => {
    expect(readEnvironment({ KEY: z.string() }, { KEY_FILE: fileWith(' k \n') })).toEqual({ KEY: ' k' });
  });

  it('says once what is wrong with a file', () => {
    expect(faults({ KEY: z.string() }, { KEY_FILE: '/nowhere/at/all' })).toEqual([
      'KEY_FILE: cannot read /nowhere/at/all (ENOENT)',
    ]);
    const empty = fileWith('\n');
    expect(faults({ KEY: z.string() }, { KEY_FILE: empty })).toEqual([
      `KEY_FILE: the file ${empty} is empty`,
    ]);
    expect(faults({ KEY: z.string() }, { KEY: 'a', KEY_FILE: fileWith('b') })).toEqual([
      'KEY: set either KEY or KEY_FILE, not both',
    ]);
  });

  it('says it of a variable whose own name ends in _FILE too', () => {
    expect(faults({ POLLS_FILE: z.string() }, { POLLS_FILE_FILE: '/nowhere/at/all' })).toEqual([
      'POLLS_FILE_FILE: cannot read /nowhere/at/all (ENOENT)',
    ]);
  });

  it('never shows a value: it may be a secret', () => {
    const shown = faults(
      { URL: urlOf('redis:'), LEVEL: logLevel, ORIGIN: origin, PROXY: trustProxy },
      { URL: 'http://u:hunter2@h', LEVEL: 'hunter2', ORIGIN: 'hunter2', PROXY: 'hunter2' },
    );
    expect(shown).toHaveLength(4);
    expect(shown.join()).not.toContain('hunter2');
  });
});

describe('nodeEnv', () => {
  it.each([
    ['production', 'production'],
    ['development', 'development'],
    ['test', 'test'],
    ['Production', 'refused'],
    ['prod', 'refused'],
    ['production ', 'refused'],
  ])('reads "%s" as %s', (text, value) => expect(taken(nodeEnv, text)).toBe(value));

  it('is development where it is unset, and named where it is none of them', () => {
    expect(readEnvironment({ NODE_ENV: nodeEnv }, {})).toEqual({ NODE_ENV: 'development' });
    expect(faults({ NODE_ENV: nodeEnv }, { NODE_ENV: 'prod' })).toEqual([
      'NODE_ENV: must be production, development or test',
    ]);
  });
});

describe('port', () => {
  it.each([
    ['0', 0],
    ['65535', 65_535],
    ['65536', 'refused'],
    ['-1', 'refused'],
    ['1.5', 'refused'],
    ['0x50', 'refused'],
    [' 80', 'refused'],
  ])('reads "%s" as %s', (text, value) => expect(taken(port(1), text)).toBe(value));
});

describe('origin', () => {
  it.each([
    ['https://vote.example.org', 'https://vote.example.org'],
    ['https://vote.example.org/', 'https://vote.example.org'],
    ['http://192.168.0.2:5002', 'http://192.168.0.2:5002'],
    ['https://vote.example.org/path', 'refused'],
    ['https://vote.example.org?x', 'refused'],
    ['https://user@vote.example.org', 'refused'],
    ['ftp://vote.example.org', 'refused'],
    ['vote.example.org', 'refused'],
    ['*', 'refused'],
  ])('reads "%s" as %s', (text, value) => expect(taken(origin, text)).toBe(value));
});

describe('trustProxy', () => {
  it.each([
    ['0', 0],
    ['10', 10],
    ['loopback', ['loopback']],
    ['10.0.0.0/8 , fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    ['192.168.1.1', ['192.168.1.1']],
    ['true', 'refused'],
    ['11', 'refused'],
    ['-1', 'refused'],
    ['*', 'refused'],
    ['abc', 'refused'],
    ['0.0.0.0/0', 'refused'],
    ['::/0', 'refused'],
    ['10.0.0.0/33', 'refused'],
    ['fd00::/129', 'refused'],
    ['10.0.0.0/8/8', 'refused'],
    ['300.0.0.1', 'refused'],
    ['loopback,', 'refused'],
  ])('reads "%s" as %j', (text, value) => expect(taken(trustProxy, text)).toEqual(value));
});
