import type { ReceiptStatus } from '@hbf/contracts/tally';
import { RECEIPT_PURPOSE, readReceipt, writeReceipt } from '@hbf/receipt/receipt';
import { createKeyring, keys } from '@hbf/service-kit/keyring';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectDocumented } from './support/documented.ts';
import { ask, header } from './support/raw-http.ts';
import './support/seed.ts';
import { KEYS, result, vote, withReplica } from './support/system.ts';
import { ballot, lookUp, newVoter, untilCounted } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const voter = await newVoter();
const receipt = await voter.castAccepted('other', ['b']);
await untilCounted(receipt);
const ring = createKeyring(keys.parse(KEYS.receipt), RECEIPT_PURPOSE);
const said = readReceipt(ring, receipt)!;

/** Looks a text up that is no receipt of ours: nothing is told, on the API and on the page. */
async function expectUnknown(path: string): Promise<void> {
  for (const target of [`/api/receipts/${path}`, `/receipts/${path}`]) {
    const response = await ask(result.url!, { target });
    const problem = expectDocumented(response);
    expect([400, 404, 431], `${target}: ${response.status}`).toContain(response.status);
    if (problem) expect(['unknown-receipt', 'not-found']).toContain(problem);
    // Every page's head says that ballots are counted.
    const said = response.body.slice(Math.max(0, response.body.indexOf('<main')));
    expect(said).not.toMatch(/counted|superseded|queued/);
  }
}

describe('a forged receipt', () => {
  it('is unknown, whichever bit of a real one was flipped', async () => {
    const bytes = Buffer.from(receipt, 'latin1');
    const flips = Array.from({ length: bytes.length * 8 }, (_, bit) => bit);
    for (let from = 0; from < flips.length; from += 32) {
      await Promise.all(
        flips.slice(from, from + 32).map((bit) => {
          const changed = Buffer.from(bytes);
          changed[bit >> 3]! ^= 1 << (bit & 7);
          const text = changed.toString('latin1');
          // Some bits make a slash, a question mark or a blank of it: sent as what they are, and not as an address's parts.
          const path = [...text].map((char) => (/[\w.~-]/.test(char) ? char : escape(char))).join('');
          return expectUnknown(path);
        }),
      );
    }
  });

  it('is unknown, however a real one was cut, lengthened or put together anew', async () => {
    const other = await (await newVoter()).castAccepted('other', ['a']);
    const at = fc.nat(receipt.length - 1);
    const letters = fc.string({ unit: fc.constantFrom(...'AZaz09-_.~='), minLength: 1, maxLength: 250 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          at.map((end) => receipt.slice(0, end)).filter((text) => text !== ''),
          at.map((start) => receipt.slice(start + 1)).filter((text) => text !== ''),
          at
            .map((where) => receipt.slice(0, where) + other.slice(where))
            .filter((text) => text !== receipt && text !== other),
          fc.tuple(at, letters).map(([where, text]) => receipt.slice(0, where) + text + receipt.slice(where)),
          letters,
        ),
        // A path of dots is another address.
        async (text) => {
          if (!/^\.{1,2}$/.test(text)) await expectUnknown(text);
        },
      ),
    );
  });

  it('is unknown when it claims another ballot, or another key or purpose signed it', async () => {
    const theirs = createKeyring(keys.parse(`r1:${'0123456789abcdef'.repeat(4)}`), RECEIPT_PURPOSE);
    const voterKeys = createKeyring(keys.parse(KEYS.voter.replace('v1', 'r1')), RECEIPT_PURPOSE);
    const otherPurpose = createKeyring(keys.parse(KEYS.receipt), 'voter');
    for (const signer of [theirs, voterKeys, otherPurpose]) await expectUnknown(writeReceipt(signer, said));
    const [payload, ...signature] = receipt.split('.');
    for (const claim of [
      { ...said, index: said.index + 1 },
      { ...said, poll: 'browser' },
      { ...said, voter: Buffer.alloc(16) },
      { ...said, partition: said.partition + 1 },
      { ...said, entryId: '0-1' },
    ]) {
      const text = writeReceipt(ring, claim).split('.')[0]!;
      expect(text).not.toBe(payload);
      await expectUnknown(`${text}.${signature.join('.')}`);
    }
    expect((await lookUp(writeReceipt(ring, said))).status).toBe(200);
  });

  it('that is rightly signed and names no ballot there ever was is told lost, and harms nothing', async () => {
    for (const claim of [
      { ...said, voter: Buffer.alloc(16, 7) },
      { ...said, index: 32_767 },
      { ...said, poll: 'no-such-poll' },
      { ...said, poll: "'; DROP TABLE ballots; --" },
      { ...said, poll: '' },
      { ...said, entryId: '18446744073709551615-18446744073709551615' },
      { ...said, partition: 32_767 },
    ]) {
      const response = await lookUp(writeReceipt(ring, claim));
      expect([200, 404], response.body).toContain(response.status);
    }
  });
});

describe('the receipt of somebody else', () => {
  it('tells whether the ballot counts, and neither the choice nor the voter', async () => {
    const response = await lookUp(receipt);
    expect(JSON.parse(response.body) as ReceiptStatus).toEqual({ status: 'counted' });
    const page = await ask(result.url!, { target: `/receipts/${receipt}` });
    expect(page.status).toBe(200);
    for (const told of [response, page]) {
      const all = JSON.stringify(told);
      expect(all).not.toContain(said.voter.toString('base64url'));
      expect(all).not.toContain(said.voter.toString('hex'));
      expect(told.body).not.toMatch(/Coffee|"b"/);
    }
    expect(header(page, 'referrer-policy')).toBe('no-referrer');
  });

  it('reads the same for every choice, to the byte', async () => {
    const one = await (await newVoter()).castAccepted('other', ['a']);
    const two = await (await newVoter()).castAccepted('other', ['b']);
    await Promise.all([one, two].map(untilCounted));
    const [a, b] = await Promise.all([one, two].map((text) => lookUp(text)));
    expect(a!.body).toBe(b!.body);
    expect(one.length).toBe(two.length);
  });

  it('gives no right to vote: sent as a cookie, in the body or in the address it changes nothing', async () => {
    const before = await lookUp(receipt);

    for (const request of [
      ballot('other', `hbf_voter=${receipt}`, '{"choices":["a"]}'),
      ballot('other', undefined, JSON.stringify({ choices: ['a'], receipt })),
      ballot(`other?receipt=${receipt}`, undefined, '{"choices":["a"]}'),
    ]) {
      expect((await ask(vote.url!, request)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await lookUp(receipt)).body).toBe(before.body);
  });
});

describe('keys that rotate', () => {
  const fresh = `r2:${'fedcba9876543210'.repeat(4)}`;

  it('leave old receipts good while the old key verifies, and unknown once it is gone', async () => {
    await withReplica('result', { RECEIPT_KEYS: `${fresh},${KEYS.receipt}` }, async ({ url }) => {
      expect(JSON.parse((await lookUp(receipt, url)).body)).toEqual({ status: 'counted' });
    });
    await withReplica('result', { RECEIPT_KEYS: fresh }, async ({ url }) => {
      const response = await lookUp(receipt, url);
      expect(response.status).toBe(404);
      expect(expectDocumented(response)).toBe('unknown-receipt');
    });
  });
});
