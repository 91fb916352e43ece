import { isCrossSite } from '@hbf/service-kit/request-origin';
import { describe, expect, test } from 'vitest';
import { createFakeFeed } from './support/fake-feed.ts';
import { startTestService } from './support/service.ts';
import { snapshotOf } from './support/snapshots.ts';

const PUBLIC = 'https://result.example.org';

type Case = [allowed: boolean, headers: Record<string, string>, publicUrl?: string];
const CASES: Case[] = [
  [true, { host: 'polls.example:5001' }],
  [true, { host: 'polls.example:5001', origin: 'http://polls.example:5001' }],
  [true, { host: 'Polls.Example:5001', origin: 'http://polls.example:5001' }],
  [true, { host: 'polls.example', origin: 'https://polls.example' }],
  [true, { host: 'polls.example:443', origin: 'https://polls.example' }],
  [true, { host: '[::1]:5001', origin: 'http://[::1]:5001' }],
  [
    true,
    { host: 'polls.example:5001', origin: 'http://polls.example:5001', 'sec-fetch-site': 'same-origin' },
  ],
  [true, { host: 'polls.example:5001', 'sec-fetch-site': 'none' }],
  [true, { host: 'inner:5001', origin: PUBLIC }, PUBLIC],
  [false, { host: 'polls.example:5001', origin: 'http://evil.example' }],
  [false, { host: 'polls.example:5001', origin: 'http://evil.example' }, PUBLIC],
  [false, { host: 'polls.example:5001', origin: 'http://polls.example:5002' }],
  [false, { host: 'polls.example', origin: 'http://polls.example.evil.example' }],
  [false, { host: 'polls.example:5001', origin: 'null' }],
  [false, { host: 'polls.example:5001', origin: '' }],
  [false, { host: 'polls.example:5001', origin: 'http://polls.example:5001, http://evil.example' }],
  [false, { host: 'evil.example/x', origin: 'http://evil.example' }],
  [false, { origin: 'http://polls.example' }],
  [false, { host: 'polls.example:5001', 'sec-fetch-site': 'cross-site' }],
  [false, { host: 'polls.example:5001', 'sec-fetch-site': 'same-site' }],
  [
    false,
    { host: 'polls.example:5001', origin: 'http://polls.example:5001', 'sec-fetch-site': 'cross-site' },
  ],
];

test.each(CASES)('%s for %o (public address: %s)', (allowed, headers, publicUrl) => {
  expect(isCrossSite(headers, publicUrl)).toBe(!allowed);
});

describe('a real handshake', async () => {
  const service = await startTestService({ feed: createFakeFeed(snapshotOf()) });
  const own = `http://127.0.0.1:${service.port}`;

  /** What becomes of a connection with these headers. */
  const handshake = (transport: string, extraHeaders: Record<string, string>): Promise<string> =>
    new Promise((resolve) => {
      const socket = service.client({ transports: [transport], extraHeaders });
      socket.once('connect', () => resolve('connected'));
      socket.once('connect_error', () => resolve('refused'));
    });

  test.each([['websocket'], ['polling']])(
    'over %s is refused to other sites, and to nobody else',
    async (transport) => {
      expect(await handshake(transport, {})).toBe('connected');
      expect(await handshake(transport, { origin: own })).toBe('connected');
      expect(await handshake(transport, { origin: 'http://evil.example' })).toBe('refused');
      expect(await handshake(transport, { origin: 'null' })).toBe('refused');
      expect(await handshake(transport, { 'sec-fetch-site': 'cross-site' })).toBe('refused');
      expect(await handshake(transport, { 'sec-fetch-site': 'same-site', origin: own })).toBe('refused');
    },
  );

  test('gives other sites no leave to read, and sets no cookie', async () => {
    const path = `${own}/socket.io/?EIO=4&transport=polling`;
    const refused = await fetch(path, { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(refused.status).toBe(403);
    const taken = await fetch(path);
    expect(taken.status).toBe(200);
    for (const answer of [refused, taken]) {
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
  });

  test('does not come with a client bundle', async () => {
    expect((await fetch(`${own}/socket.io/socket.io.js`)).status).toBe(400);
  });
});
