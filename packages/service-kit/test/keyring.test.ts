import { describe, expect, it } from 'vitest';
import {
  createKeyring,
  isDevelopmentKey,
  isKeyOf,
  type Key,
  keys,
  keysFor,
  writeKey,
} from '../src/keyring.ts';

const HEX = '00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef';
const key = (kid: string, byte: number): Key => ({ kid, secret: Buffer.alloc(32, byte) });
const oldKey = key('old', 1);
const newKey = key('new', 2);

describe('createKeyring', () => {
  const keyring = createKeyring([newKey, oldKey], 'test');

  it('signs with the first key and names it', () => {
    expect(keyring.sign('m')).toMatch(/^new\.[A-Za-z0-9_-]{22}$/);
  });

  it('verifies what any of its keys signed, so that a key can be put in front', () => {
    const before = createKeyring([oldKey], 'test').sign('m');
    expect(before).toMatch(/^old\./);
    expect(keyring.verify('m', before)).toBe(true);
    expect(keyring.verify('m', keyring.sign('m'))).toBe(true);
  });

  it('refuses a key that was taken out', () => {
    expect(createKeyring([newKey], 'test').verify('m', createKeyring([oldKey], 'test').sign('m'))).toBe(
      false,
    );
  });

  it('refuses another message, another purpose, another key under the same name', () => {
    const signature = keyring.sign('m');
    expect(keyring.verify('n', signature)).toBe(false);
    expect(createKeyring([newKey], 'other').verify('m', signature)).toBe(false);
    expect(createKeyring([key('new', 3)], 'test').verify('m', signature)).toBe(false);
  });

  it('parts purpose, key id and message: none can lend a piece to another', () => {
    const signature = createKeyring([newKey], 'test').sign('m');
    const mac = signature.split('.')[1];
    const other = createKeyring([key('new\0m', 2)], 'test').sign('');
    expect(other.split('.')[1]).not.toBe(mac);
  });

  it('refuses every cut, lengthened or otherwise written signature', () => {
    const signature = keyring.sign('m');
    for (let length = 0; length < signature.length; length++) {
      expect(keyring.verify('m', signature.slice(0, length)), String(length)).toBe(false);
    }
    // The last of 22 characters carries four idle bits: decoders take 16 ways of writing it.
    const last = signature.at(-1)!;
    const others = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].filter(
      (c) => c !== last,
    );
    for (const other of others)
      expect(keyring.verify('m', signature.slice(0, -1) + other), other).toBe(false);
    for (const extra of ['=', '==', 'A', '.', '\n', ' ']) {
      expect(keyring.verify('m', signature + extra), JSON.stringify(extra)).toBe(false);
    }
  });

  it('refuses an unknown key id, none, and names that every object has', () => {
    const mac = keyring.sign('m').split('.')[1];
    for (const kid of ['', 'other', '__proto__', 'constructor', 'NEW']) {
      expect(keyring.verify('m', `${kid}.${mac}`), kid).toBe(false);
    }
    expect(keyring.verify('m', mac!)).toBe(false);
  });

  it('needs a key', () => {
    expect(() => createKeyring([], 'test')).toThrow();
  });
});

describe('keys', () => {
  it('reads several, in order', () => {
    const read = keys.parse(`k1:${HEX}, k2:${HEX.toUpperCase()}`);
    expect(read.map((entry) => entry.kid)).toEqual(['k1', 'k2']);
    expect(read[1]!.secret).toEqual(Buffer.from(HEX, 'hex'));
  });

  it.each([
    ['', 'no key'],
    [HEX, 'no key id'],
    [`k1:${HEX.slice(2)}`, 'a short key'],
    [`k1:${HEX}00`, 'a long key'],
    [`k1:${'g'.repeat(64)}`, 'no hex digits'],
    [`k1:${HEX},`, 'a trailing comma'],
    [`k1:${HEX},k1:${HEX}`, 'a key id used twice'],
    [`a.b:${HEX}`, 'a key id with a dot, which would end it in a signature'],
    [`${'k'.repeat(17)}:${HEX}`, 'a long key id'],
  ])('refuses "%s": %s', (text) => {
    const result = keys.safeParse(text);
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error!.issues)).not.toContain(HEX.slice(2));
  });
});

describe('isDevelopmentKey', () => {
  it('knows a development key by its name or by its plain bytes', () => {
    const secret = Buffer.from(HEX, 'hex');
    expect(isDevelopmentKey({ kid: 'dev', secret })).toBe(true);
    expect(isDevelopmentKey({ kid: 'DEV-2', secret })).toBe(true);
    expect(isDevelopmentKey({ kid: 'k1', secret: Buffer.alloc(32, 7) })).toBe(true);
    expect(isDevelopmentKey({ kid: 'k1', secret })).toBe(false);
  });
});

describe('keysFor', () => {
  const takes = (env: Record<string, string>, key: string) => keysFor(env).safeParse(key).success;

  it.each(['https://vote.example.org', 'https://example.org:8443', 'https://localhost.example.org'])(
    'refuses a development key where %s is the address, of vote or of result',
    (url) => {
      for (const name of ['PUBLIC_VOTE_URL', 'PUBLIC_RESULT_URL']) {
        expect(takes({ [name]: url }, `dev:${HEX}`)).toBe(false);
        expect(takes({ [name]: url }, `k1:${HEX}`)).toBe(true);
      }
    },
  );

  it.each([
    'http://vote.example.org',
    'https://localhost:5002',
    'https://vote.localhost',
    'https://laptop',
    'https://laptop.local',
    'https://192.168.1.7',
    'https://[fd00::7]:5002',
    'no address',
  ])('takes one where it is %s', (url) => {
    expect(takes({ PUBLIC_VOTE_URL: url }, `dev:${HEX}`)).toBe(true);
  });
});

describe('isKeyOf', () => {
  const list = [newKey, oldKey];

  it('knows each of the keys, whichever the case of its digits', () => {
    for (const one of list) expect(isKeyOf(list, writeKey(one))).toBe(true);
    const mixed = { kid: 'k', secret: Buffer.from(HEX, 'hex') };
    expect(isKeyOf([mixed], `k:${HEX.toUpperCase()}`)).toBe(true);
  });

  it('knows no other', () => {
    const [id, digits] = writeKey(newKey).split(':');
    for (const text of [
      '',
      'new',
      'new:',
      `old:${digits}`,
      `other:${digits}`,
      `${id}:${digits!.slice(2)}`,
      `${id}:${digits}00`,
      `${id}:${digits!.replace('02', '03')}`,
      ` ${id}:${digits}`,
      `${writeKey(newKey)},${writeKey(oldKey)}`,
    ]) {
      expect(isKeyOf(list, text)).toBe(false);
    }
    expect(isKeyOf([], writeKey(newKey))).toBe(false);
  });
});
