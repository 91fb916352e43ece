import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectDocumented } from './support/documented.ts';
import { ask, type RawRequest, type RawResponse, rawRequest, StillOpen, talk } from './support/raw-http.ts';
import './support/seed.ts';
import { countBallots, result, vote } from './support/system.ts';
import { newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const voter = await newVoter();
const SERVICES = [
  ['vote', vote.url!],
  ['result', result.url!],
] as const;

/** Everything that is counted, in every poll. */
const everything = () => Promise.all(['browser', 'other', 'hands', 'several', 'closed'].map(countBallots));

/** Sends bytes that may be no HTTP; what comes back must be documented, whatever it is. */
async function tell(url: string, request: RawRequest): Promise<RawResponse[]> {
  const responses = await talk(url, rawRequest(url, request), request.method === 'HEAD' ? 9 : 0);
  // Also what is no HTTP is told so.
  expect(responses).not.toEqual([]);
  for (const response of responses) expectDocumented(response, request.method);
  return responses;
}

/** What a path parameter may be made of, already as it is sent. */
const segment = fc.oneof(
  fc.constantFrom(
    'browser',
    '%00',
    'browser%00',
    '%2e%2e',
    '..%2f..%2f',
    '%2fbrowser',
    'browser%2f',
    '%5c..%5c',
    '%c0%af',
    '%c1%9c',
    '%e0%80%af',
    '%ff',
    '%',
    '%2',
    '%zz',
    '%25',
    '%252e',
    '%u0062rowser',
    'BROWSER',
    'bröwser',
    'b%CC%80rowser',
    '%EF%BD%82rowser',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '%5f%5fproto%5f%5f',
    "'%20OR%20'1'='1",
    '%27%3B%20DROP%20TABLE%20ballots%3B--',
    '*',
    '**',
    ':poll',
    '(.*)',
    '{{7*7}}',
    '<%25=7*7%25>',
    '%3Cscript%3E',
    '%0d%0aSet-Cookie:%20a=b',
    '%0aX',
    'undefined',
    'null',
    'NaN',
    '-1',
    '1e9',
    '%F0%9F%90%B1',
    '~',
    '',
  ),
  fc
    .string({ unit: 'binary', maxLength: 30 })
    .map((text) => encodeURIComponent(text.toWellFormed?.() ?? 'x')),
  fc
    .array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 })
    .map((bytes) => bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')),
  fc.constantFrom(200, 2_000, 12_000).map((length) => 'x'.repeat(length)),
);
/** Bytes as they are, without being encoded: all but those that end a request line. */
const rawBytes = fc
  .array(fc.integer({ min: 1, max: 255 }), { maxLength: 40 })
  .map((bytes) => String.fromCharCode(...bytes.filter((byte) => ![10, 13, 32].includes(byte))));

const TEMPLATES = [
  '/p/:x',
  '/api/polls/:x',
  '/api/polls/:x/ballots',
  '/api/polls/:x/tally',
  '/api/polls/:x/turnout',
  '/api/receipts/:x',
  '/receipts/:x',
  '/problems/:x',
  '/assets/:x',
  '/:x',
  '/socket.io/:x',
  '/socket.io/?EIO=:x&transport=polling',
  '/socket.io/?EIO=4&transport=:x',
  '/socket.io/?EIO=4&transport=polling&sid=:x',
  '/socket.io/?EIO=4&transport=polling&j=:x',
  '/p/browser?:x',
  '/api/polls?:x=1',
  '/?vote=:x',
];

describe('an address of any kind', () => {
  it.each(SERVICES)(
    'is answered by %s with what it has or with a refusal, and changes nothing',
    async (_name, url) => {
      const before = await everything();
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...TEMPLATES),
          fc.oneof({ arbitrary: segment, weight: 3 }, rawBytes),
          fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
          async (template, text, method) => {
            await tell(url, {
              method,
              target: template.replace(':x', () => text),
              headers: [['Cookie', voter.cookie]],
            });
          },
        ),
      );
      expect(await everything()).toEqual(before);
    },
  );
});

describe('headers of any kind', () => {
  const name = fc.oneof(
    fc.constantFrom(
      'Accept',
      'Accept-Language',
      'Accept-Encoding',
      'Authorization',
      'Cookie',
      'Host',
      'If-None-Match',
      'If-Modified-Since',
      'Range',
      'Referer',
      'User-Agent',
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
      'X-Request-Id',
      'Traceparent',
      'Expect',
      'TE',
      'Trailer',
      'Via',
      'Content-Type',
      'Content-Encoding',
      'Content-Length',
      'Transfer-Encoding',
      'Upgrade',
      'Connection',
      'Sec-WebSocket-Key',
      'Origin',
      'Sec-Fetch-Site',
      'Sec-WebSocket-Version',
      '__proto__',
      'constructor',
      'X\0',
      'X Y',
      '',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
  );
  const value = fc.oneof(
    fc.constantFrom(
      '',
      '*',
      '0',
      '-1',
      '1e9',
      '99999999999999999999',
      '+5',
      '0x10',
      'gzip',
      'br',
      'chunked',
      'identity',
      'gzip, chunked',
      'bytes=0-',
      'bytes=-1,0-,5-1',
      '100-continue',
      '200-ok',
      'websocket',
      'h2c',
      'close',
      'keep-alive, Upgrade',
      '13',
      'null',
      'W/"x"',
      '*/*;q=x',
      '\u00ff\u00fe',
      'a=b; '.repeat(50),
      '"',
      '\\',
      "'",
      '%0d%0a',
      'http://127.0.0.1',
      'Basic ====',
      'Thu, 99 Foo 0000',
      'x'.repeat(8_000),
    ),
    fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 60,
    }),
  );

  it.each(SERVICES)(
    'are answered by %s with what was asked for or with a refusal, and change nothing',
    async (_name, url) => {
      const before = await everything();
      const target = fc.constantFrom(
        '/',
        '/p/browser',
        '/api/polls/browser',
        '/api/polls/browser/tally',
        '/api/receipts/x',
        '/assets/x',
        '/socket.io/?EIO=4&transport=polling',
      );
      await fc.assert(
        fc.asyncProperty(
          target,
          fc.array(fc.tuple(name, value), { maxLength: 5 }),
          async (where, headers) => {
            // A body that is announced and does not come is the slow bodies' part.
            const waits = headers.some(([key]) => /^(content-length|transfer-encoding)$/i.test(key.trim()));
            await tell(url, {
              target: where,
              headers,
              ...(waits ? { body: '0\r\n\r\n'.padEnd(64, '\r\n') } : {}),
            }).catch((error: Error) => {
              if (!(waits && error instanceof StillOpen)) throw error;
            });
          },
        ),
      );
      expect(await everything()).toEqual(before);
    },
  );

  it.each(SERVICES)(
    'over 16 kB, or in the hundreds, are refused or passed over by %s',
    async (_name, url) => {
      const target = '/p/browser';
      const long = (length: number) => [['X-Long', 'x'.repeat(length)]] as const;
      expect((await ask(url, { target, headers: long(15_000) })).status).toBe(200);
      for (const headers of [
        long(17_000),
        long(1_000_000),
        Array.from({ length: 2_000 }, (_, i) => [`X-${i}`, 'y'.repeat(10)] as const),
      ]) {
        const [response] = await tell(url, { target, headers });
        expect(response?.status ?? 431).toBe(431);
      }
      expect(
        (await ask(url, { target, headers: Array.from({ length: 500 }, (_, i) => [`X-${i}`, ''] as const) }))
          .status,
      ).toBe(200);
      const [longest] = await tell(url, { target: `/p/${'x'.repeat(20_000)}` });
      expect(longest?.status ?? 431).toBe(431);
    },
  );
});
