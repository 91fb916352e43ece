import type { Keyring } from '@hbf/service-kit/keyring';

/** The purpose that receipts' signatures are made for; give it to `createKeyring`. */
export const RECEIPT_PURPOSE = 'receipt';

/** What a receipt says. It never says what was chosen. */
export type Receipt = {
  poll: string;
  /** 16 bytes: the voter's pseudonym in this poll. */
  voter: Buffer;
  partition: number;
  /** `<ms>-<seq>`, given by Redis. */
  entryId: string;
  /** The ballot's index in its entry. */
  index: number;
};

const HEAD_BYTES = 2 + 8 + 8 + 2 + 16;
const LONGEST = 200;

/**
 * Writes a receipt as `<payload>.<kid>.<mac>`, fit for a URL.
 * Payload, base64url: partition (2 bytes), entry id (8 + 8), index (2), voter (16), the poll's key (the rest).
 */
export function writeReceipt(keyring: Keyring, receipt: Receipt): string {
  const [ms, seq] = receipt.entryId.split('-');
  const payload = Buffer.alloc(HEAD_BYTES + Buffer.byteLength(receipt.poll));
  payload.writeUInt16BE(receipt.partition, 0);
  payload.writeBigUInt64BE(BigInt(ms!), 2);
  payload.writeBigUInt64BE(BigInt(seq!), 10);
  payload.writeUInt16BE(receipt.index, 18);
  receipt.voter.copy(payload, 20, 0, 16);
  payload.write(receipt.poll, HEAD_BYTES);
  const text = payload.toString('base64url');
  return `${text}.${keyring.sign(text)}`;
}

/** @returns what the receipt says, or undefined if it was not written with one of these keys. */
export function readReceipt(keyring: Keyring, text: string): Receipt | undefined {
  if (text.length > LONGEST) return undefined;
  const dot = text.indexOf('.');
  if (dot < 1 || !keyring.verify(text.slice(0, dot), text.slice(dot + 1))) return undefined;
  return decode(text.slice(0, dot));
}

/**
 * Reads a receipt without its signature: for drills, which judge what they were given. Trust nothing that it says.
 * @returns undefined if it is not a receipt's form.
 */
export function peekReceipt(text: string): Receipt | undefined {
  const [payload, kid, mac, ...more] = text.split('.');
  const isWhole = text.length <= LONGEST && payload && kid && mac && more.length === 0;
  return isWhole ? decode(payload) : undefined;
}

function decode(text: string): Receipt | undefined {
  const payload = Buffer.from(text, 'base64url');
  // Lenient decoding skips what is not base64url.
  if (payload.length <= HEAD_BYTES || payload.toString('base64url') !== text) return undefined;
  return {
    partition: payload.readUInt16BE(0),
    entryId: `${payload.readBigUInt64BE(2)}-${payload.readBigUInt64BE(10)}`,
    index: payload.readUInt16BE(18),
    voter: payload.subarray(20, HEAD_BYTES),
    poll: payload.toString('utf8', HEAD_BYTES),
  };
}
