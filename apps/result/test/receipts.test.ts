import { randomBytes } from 'node:crypto';
import { inTransaction } from '@hbf/ballot-store/connection';
import { findBallot } from '@hbf/ballot-store/find-ballot';
import { rejectBallots } from '@hbf/ballot-store/reject-ballots';
import { createTestDatabase } from '@hbf/local-services/testing';
import { RECEIPT_PURPOSE, type Receipt, writeReceipt } from '@hbf/receipt/receipt';
import { createKeyring } from '@hbf/service-kit/keyring';
import request from 'supertest';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createReceiptDesk } from '../src/receipt-desk.ts';
import { createRecorder, setUpDatabase } from './support/database.ts';
import { createFakeFeed } from './support/fake-feed.ts';
import { createTestApp, createTestLog } from './support/service.ts';
import { pollOf, snapshotOf } from './support/snapshots.ts';

const url = await createTestDatabase();
await setUpDatabase(url, [pollOf()]);
const recorder = createRecorder(url);
afterAll(recorder.close);

const keyring = createKeyring([{ kid: 'k2', secret: randomBytes(32) }], RECEIPT_PURPOSE);
const strangers = createKeyring([{ kid: 'k2', secret: randomBytes(32) }], RECEIPT_PURPOSE);
const { log, lines: deskLines } = createTestLog();
const desk = createReceiptDesk({ keyring, find: (receipt) => findBallot(recorder.pool, receipt), log });
const { app, lines } = createTestApp({ feed: createFakeFeed(snapshotOf()), receipts: desk });

// One partition's history: a voter's first ballot, the same voter's second, a rejected one, and then one that came
// after everything that was processed.
const voter = randomBytes(16);
const ballot = (over: Partial<Receipt>): string =>
  writeReceipt(keyring, { poll: 'best-friend', voter, partition: 0, entryId: '1000-0', index: 0, ...over });

await recorder.record(0, '1000-0', [{ poll: 'best-friend', voter, choices: ['a'] }]);
await recorder.record(0, '2000-0', [{ poll: 'best-friend', voter, choices: ['b'] }]);
const client = await recorder.pool.connect();
await inTransaction(client, () =>
  rejectBallots(client, 0, [
    { entryId: '2000-0', index: 7, reason: 'the poll is unknown', content: Buffer.from('x') },
  ]),
);
client.release();

const counted = ballot({ entryId: '2000-0' });
const cases: [state: string, receipt: string, body: object, words: string][] = [
  ['queued', ballot({ entryId: '3000-0', voter: randomBytes(16) }), {}, 'Your ballot is on its way'],
  ['counted', counted, {}, 'Your ballot is counted'],
  ['superseded', ballot({}), {}, 'You cast a later ballot'],
  [
    'rejected',
    ballot({ entryId: '2000-0', index: 7 }),
    { reason: 'the poll is unknown' },
    'could not be recorded',
  ],
  [
    'lost',
    ballot({ entryId: '1500-0', voter: randomBytes(16) }),
    { reason: expect.stringContaining('no longer had it') },
    'Your ballot was lost',
  ],
];

describe.each(cases)('a receipt that is %s', (status, receipt, rest, words) => {
  test('says so to any origin, without credentials and without the choice', async () => {
    // A busy machine may hold a look-up up for longer than it may take.
    const answer = await vi.waitFor(() =>
      request(app).get(`/api/receipts/${receipt}`).set('Origin', 'http://x.example').expect(200),
    );
    expect(answer.body).toEqual({ status, ...rest });
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('has a page that says so in words, which no search engine keeps and whose address goes nowhere', async () => {
    const { text, headers } = await vi.waitFor(() => request(app).get(`/receipts/${receipt}`).expect(200));
    expect(text).toContain(words);
    expect(text).toContain('<meta name="robots" content="noindex">');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(text.includes('http-equiv="refresh"')).toBe(status === 'queued');
    expect(text).toContain('<a class="button" href="/p/best-friend">');
    expect(text).not.toMatch(/Cats<|Dogs</);
  });
});

const forged: [name: string, receipt: string][] = [
  [
    'of another key',
    writeReceipt(strangers, { poll: 'best-friend', voter, partition: 0, entryId: '1000-0', index: 0 }),
  ],
  ['cut short', counted.slice(0, -1)],
  ['with a letter more', `${counted}A`],
  ['with another letter', (counted[0] === 'A' ? 'B' : 'A') + counted.slice(1)],
  ['without its signature', counted.split('.')[0]!],
  ['of one letter', 'x'],
  ['__proto__', '__proto__'],
  ['with a NUL byte', `${counted}%00`],
  ['of 7,000 characters', 'x'.repeat(7_000)],
  ['of dots', '...'],
  ['that is no text', '%E0%A4%A'],
];

test.each(forged)('a receipt %s is not ours', async (_name, receipt) => {
  const answer = await request(app).get(`/api/receipts/${receipt}`).expect(404);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ type: '/problems/unknown-receipt', status: 404 });
  expect(answer.headers['access-control-allow-origin']).toBe('*');
  const page = await request(app).get(`/receipts/${receipt}`).expect(404);
  expect(page.headers['content-type']).toMatch(/^text\/html/);
});

test('the log holds no receipt', async () => {
  await request(app).get(`/receipts/${counted}`);
  await request(app).get(`/api/receipts/${counted}?again=${counted}`);
  const text = [...lines, ...deskLines].join('\n');
  expect(text).toContain('/api/receipts/:receipt');
  expect(text).not.toContain(counted.slice(0, 20));
  expect(text).not.toContain(counted.slice(-20));
  expect(text).not.toMatch(/127\.0\.0\.1|::1/);
});

describe('while the store does not answer', () => {
  const slow = () => {
    let calls = 0;
    const { log, lines } = createTestLog();
    const desk = createReceiptDesk({
      keyring,
      find: () => {
        calls += 1;
        return new Promise(() => {});
      },
      log,
    });
    return {
      ...createTestApp({ feed: createFakeFeed(snapshotOf()), receipts: desk }),
      calls: () => calls,
      lines,
      desk,
    };
  };

  test('the desk stops waiting in under 200 ms', async () => {
    vi.useFakeTimers();
    try {
      const answer = slow().desk.lookUp(counted);
      await vi.advanceTimersByTimeAsync(150);
      expect(await answer).toEqual({ kind: 'unavailable' });
    } finally {
      vi.useRealTimers();
    }
  });

  test('a receipt of ours is "unavailable", and after two of them the next ones without another try', async () => {
    const { app, calls, lines } = slow();
    const answer = await request(app).get(`/api/receipts/${counted}`).expect(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.body).toMatchObject({ type: '/problems/unavailable', status: 503, retryAfter: 1 });
    await request(app).get(`/api/receipts/${counted}`).expect(503);
    expect(calls()).toBe(2);
    await request(app).get(`/api/receipts/${counted}`).expect(503);
    expect(calls()).toBe(2);
    expect(lines).toHaveLength(1);
  });

  test('one look-up that is slow does not make the next one wait', async () => {
    let calls = 0;
    const desk = createReceiptDesk({
      keyring,
      find: () => {
        calls += 1;
        return calls === 1 ? new Promise(() => {}) : Promise.resolve({ status: 'counted' });
      },
      log: createTestLog().log,
    });
    expect(await desk.lookUp(counted)).toEqual({ kind: 'unavailable' });
    expect(await desk.lookUp(counted)).toMatchObject({ kind: 'known', status: { status: 'counted' } });
  });

  test('the page says so in words and looks again by itself', async () => {
    const answer = await request(slow().app).get(`/receipts/${counted}`).expect(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.text).toContain('We cannot look your ballot up right now');
    expect(answer.text).toContain('http-equiv="refresh"');
  });

  test('a forged receipt is still not ours: that needs no store', async () => {
    await request(slow().app).get('/api/receipts/forged').expect(404);
  });
});
