import { randomBytes } from 'node:crypto';
import { createKeyring, type Key } from '@hbf/service-kit/keyring';
import { describe, expect, it } from 'vitest';
import { peekReceipt, RECEIPT_PURPOSE, readReceipt, writeReceipt } from '../src/receipt.ts';

const key = (kid: string): Key => ({ kid, secret: randomBytes(32) });
const old = key('k1');
const ring = createKeyring([old], RECEIPT_PURPOSE);
const receipt = {
  poll: 'best-friend',
  voter: randomBytes(16),
  partition: 3,
  entryId: '1795222222222-17',
  index: 199,
};

describe('a receipt', () => {
  it('says the same when read as when written', () => {
    expect(readReceipt(ring, writeReceipt(ring, receipt))).toEqual(receipt);
  });

  it('fits in a URL as it is', () => {
    const text = writeReceipt(ring, { ...receipt, poll: 'a'.repeat(40) });
    expect(text).toMatch(/^[A-Za-z0-9_.-]{1,200}$/);
  });

  it('is still read after a new key was put in front', () => {
    const rotated = createKeyring([key('k2'), old], RECEIPT_PURPOSE);
    expect(readReceipt(rotated, writeReceipt(ring, receipt))).toEqual(receipt);
  });

  it('is refused when any character was changed, taken away or added', () => {
    const text = writeReceipt(ring, receipt);
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'A' ? 'B' : 'A';
      expect(readReceipt(ring, text.slice(0, at) + other + text.slice(at + 1)), `at ${at}`).toBeUndefined();
      expect(readReceipt(ring, text.slice(0, at))).toBeUndefined();
    }
    for (const more of ['A', '=', '.', '\n', '\0']) expect(readReceipt(ring, text + more)).toBeUndefined();
    expect(readReceipt(ring, 'x'.repeat(10_000))).toBeUndefined();
    expect(readReceipt(ring, '')).toBeUndefined();
  });

  it('is refused when it was signed with another key of the same id, or for another purpose', () => {
    expect(
      readReceipt(createKeyring([key('k1')], RECEIPT_PURPOSE), writeReceipt(ring, receipt)),
    ).toBeUndefined();
    expect(readReceipt(createKeyring([old], 'voter'), writeReceipt(ring, receipt))).toBeUndefined();
  });

  it('can be looked into without its key', () => {
    const text = writeReceipt(ring, receipt);
    expect(peekReceipt(text)).toEqual(receipt);
    expect(readReceipt(createKeyring([key('k1')], RECEIPT_PURPOSE), text)).toBeUndefined();
  });

  it('is not looked into where it has not its form', () => {
    const [payload, ...signature] = writeReceipt(ring, receipt).split('.');
    const short = Buffer.alloc(36).toString('base64url');
    for (const text of [payload!, `${payload}.k1`, `${payload}*.k1.mac`, `${short}.k1.mac`, '', '..']) {
      expect(peekReceipt(text), text).toBeUndefined();
    }
    expect(peekReceipt([payload, ...signature, 'more'].join('.'))).toBeUndefined();
  });
});
