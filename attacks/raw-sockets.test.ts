import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { whileOthersUse } from './support/crowd.ts';
import { expectDocumented } from './support/documented.ts';
import { residentMegabytes } from './support/memory.ts';
import { ask, openRaw, rawRequest, talk } from './support/raw-http.ts';
import { FULL } from './support/seed.ts';
import { countBallots, result, vote } from './support/system.ts';
import { ballot, newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const url = vote.url!;
/** Longer than a server waits for a client that takes nothing (30 s). */
const NOT_READING_MS = 40_000;
const REQUESTS = 2_000;
const { host } = new URL(url);
const A = '{"choices":["a"]}';
const counted = async () => (await countBallots('other')).a ?? 0;

/** A whole request with a ballot, as it would have to be smuggled. */
const smuggled = (cookie: string) => rawRequest(url, ballot('other', cookie, A));

/** The head of a POST of a ballot with these lines in place of its length. */
const head = (cookie: string, lines: readonly string[], first = 'POST /api/polls/other/ballots HTTP/1.1') =>
  [first, `Host: ${host}`, 'Content-Type: application/json', `Cookie: ${cookie}`, ...lines, '', ''].join(
    '\r\n',
  );

/** Bytes that two servers may cut into requests in two ways; `hidden` is a ballot that must not be found in there. */
const AMBIGUOUS: Record<string, (own: string, hidden: string) => string> = {
  'a length and chunks': (own, hidden) =>
    `${head(own, [`Content-Length: ${A.length}`, 'Transfer-Encoding: chunked'])}0\r\n\r\n${hidden}`,
  'chunks and a length': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked', 'Content-Length: 4'])}0\r\n\r\n${hidden}`,
  'two lengths': (own, hidden) =>
    head(own, [`Content-Length: ${A.length}`, 'Content-Length: 0']) + A + hidden,
  'two lengths in one line': (own, hidden) => head(own, [`Content-Length: 0, ${A.length}`]) + hidden,
  'a length with a sign': (own, hidden) => head(own, ['Content-Length: +0']) + hidden,
  'a negative length': (own, hidden) => head(own, ['Content-Length: -1']) + hidden,
  'a length in hexadecimal': (own, hidden) => head(own, ['Content-Length: 0x0']) + hidden,
  'a length beyond all numbers': (own, hidden) =>
    head(own, ['Content-Length: 18446744073709551616']) + hidden,
  'an empty length': (own, hidden) => head(own, ['Content-Length: ']) + hidden,
  'a blank before the colon': (own, hidden) => head(own, [`Content-Length : ${hidden.length}`]) + hidden,
  'a folded line': (own, hidden) => head(own, ['X: y', ` Content-Length: ${hidden.length}`]) + hidden,
  'a folded encoding': (own, hidden) =>
    head(own, ['Transfer-Encoding:', ' chunked', 'Content-Length: 0']) + hidden,
  'an unknown encoding': (own, hidden) => head(own, ['Transfer-Encoding: xchunked']) + hidden,
  'chunks that are not last': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked, identity'])}0\r\n\r\n${hidden}`,
  'the identity encoding': (own, hidden) =>
    head(own, ['Transfer-Encoding: identity', 'Content-Length: 0']) + hidden,
  'two encodings': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'])}0\r\n\r\n${hidden}`,
  'an encoding behind a control character': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: \x0bchunked'])}0\r\n\r\n${hidden}`,
  'lines that end in LF alone': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked']).replaceAll('\r\n', '\n')}0\n\n${hidden}`,
  'one line that ends in LF alone': (own, hidden) => head(own, ['X: y\nContent-Length: 0']) + hidden,
  'a line that ends in CR alone': (own, hidden) =>
    head(own, [`X: y\rContent-Length: ${hidden.length}`]) + hidden,
  'a NUL in a header': (own, hidden) => head(own, ['X: a\0b', 'Content-Length: 0']) + hidden,
  'a header without a colon': (own, hidden) => head(own, ['Content-Length', 'Content-Length: 0']) + hidden,
  'a chunk with LF alone': (own, hidden) => `${head(own, ['Transfer-Encoding: chunked'])}0\n\n${hidden}`,
  'a chunk of a negative size': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked'])}-1\r\n\r\n${hidden}`,
  'a chunk of a size in 0x': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked'])}0x0\r\n\r\n${hidden}`,
  'a chunk beyond all numbers': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked'])}FFFFFFFFFFFFFFFFF\r\n${hidden}`,
  'a chunk longer than its size': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked'])}1\r\n${hidden}\r\n0\r\n\r\n`,
  'a chunk whose extension breaks the line': (own, hidden) =>
    `${head(own, ['Transfer-Encoding: chunked'])}0;x\ny\r\n\r\n${hidden}`,
  'a request line of two': (own, hidden) =>
    head(own, ['Content-Length: 0'], `GET / HTTP/1.1\rPOST /`) + hidden,
  'HTTP/0.9': (_own, hidden) => `GET /\r\n${hidden}`,
  'HTTP/2': (_own, hidden) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
  'HTTP/1.2': (own, hidden) => head(own, [], 'GET / HTTP/1.2') + hidden,
  'no host': (_own, hidden) => `GET / HTTP/1.1\r\n\r\n${hidden}`,
  TLS: () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

describe('bytes that can be cut into requests in two ways:', () => {
  it.each(Object.entries(AMBIGUOUS))(
    '%s are refused, the connection is closed, and nothing in them is counted',
    async (_name, write) => {
      const [own, hidden] = [await newVoter(), await newVoter()];
      const before = await counted();
      const responses = await talk(url, write(own.cookie, smuggled(hidden.cookie)));
      for (const response of responses) {
        expectDocumented(response);
        expect(response.status).toBeGreaterThanOrEqual(400);
      }
      expect(responses.length).toBeLessThanOrEqual(1);
      expect(await counted()).toBe(before);
    },
  );
});

describe('a ballot in the body of another request', () => {
  const inside = (hidden: string, own: { method?: string; target: string; headers?: [string, string][] }) => {
    return (
      rawRequest(url, { ...own, body: smuggled(hidden), keepAlive: true }) +
      rawRequest(url, { target: '/problems' })
    );
  };

  it.each<[string, { method?: string; target: string; headers?: [string, string][] }, number]>([
    ['of a GET', { target: '/p/other' }, 200],
    ['of a HEAD', { method: 'HEAD', target: '/p/other' }, 200],
    [
      'from another site',
      { method: 'POST', target: '/p/other', headers: [['Sec-Fetch-Site', 'cross-site']] },
      403,
    ],
    [
      'of a content type that is refused',
      { method: 'POST', target: '/p/other', headers: [['Content-Type', 'text/plain']] },
      415,
    ],
    ['of a method that there is not', { method: 'DELETE', target: '/p/other' }, 404],
    ['of an address that there is not', { method: 'POST', target: '/nope' }, 404],
    [
      'of JSON that is none',
      { method: 'POST', target: '/api/polls/other/ballots', headers: [['Content-Type', 'application/json']] },
      400,
    ],
    [
      'that is compressed',
      {
        method: 'POST',
        target: '/p/other',
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Content-Encoding', 'gzip'],
        ],
      },
      415,
    ],
    [
      'that waits to be asked for',
      {
        method: 'POST',
        target: '/p/other',
        headers: [
          ['Expect', '100-continue'],
          ['Sec-Fetch-Site', 'cross-site'],
        ],
      },
      403,
    ],
  ])('%s is never taken for a request', async (_name, own, status) => {
    const hidden = await newVoter();
    const before = await counted();
    const responses = await talk(url, inside(hidden.cookie, own), own.method === 'HEAD' ? 1 : 0);
    expect(responses.map((response) => response.status)).toEqual([status, 200]);
    expect(responses[1]!.body).toContain('/problems/');
    expect(await counted()).toBe(before);
  });

  it('of 1 MB is refused, and neither it nor what follows is a ballot', async () => {
    const hidden = await newVoter();
    const before = await counted();
    const huge = rawRequest(url, { ...ballot('other', hidden.cookie, A.padEnd(1_000_000)), keepAlive: true });
    const [first, ...rest] = await talk(url, huge + rawRequest(url, { target: '/problems' }));
    expect(first!.status).toBe(413);
    expect(rest.length).toBeLessThanOrEqual(1);
    expect(await counted()).toBe(before);
  });
});

describe('requests that ask for another protocol', () => {
  it.each(['websocket', 'h2c', 'TLS/1.0', 'foo'])(
    'Upgrade: %s changes none here, and what follows is no ballot out of turn',
    async (protocol) => {
      const own = await newVoter();
      const before = await counted();
      for (const target of [
        '/p/other',
        '/api/polls/other/ballots',
        '/socket.io/?EIO=4&transport=websocket',
      ]) {
        const request = { ...ballot('other', own.cookie, A), target };
        const headers = [
          ...request.headers,
          ['Upgrade', protocol],
          ['Connection', 'Upgrade, HTTP2-Settings, close'],
          ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
        ] as const;
        const responses = await talk(url, rawRequest(url, { ...request, headers, keepAlive: true }));
        for (const response of responses) {
          expectDocumented(response);
          expect(response.status).not.toBe(101);
        }
      }
      // The one that is a ballot in due form counts, whatever else it asked for.
      expect(await counted()).toBe(before + 1);
    },
  );

  it.each(['websocket', 'h2c', 'TLS/1.0', 'foo'])(
    'Upgrade: %s is passed over by result, which answers as it would without it',
    async (protocol) => {
      for (const target of ['/p/other', '/api/polls/other/tally']) {
        const headers = [
          ['Upgrade', protocol],
          ['Connection', 'Upgrade, HTTP2-Settings'],
          ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
        ] as const;
        const [response] = await talk(
          result.url!,
          rawRequest(result.url!, { target, headers, keepAlive: true }),
        );
        expect(response?.status).toBe(200);
      }
    },
  );

  it('a proxy is not to be had: neither CONNECT nor a whole address leads anywhere else', async () => {
    for (const target of [
      '127.0.0.1:22',
      'http://169.254.169.254/latest/meta-data/',
      `http://${host}/metrics`,
    ]) {
      for (const method of ['CONNECT', 'GET']) {
        for (const response of await talk(url, rawRequest(url, { method, target }))) {
          expect([400, 404]).toContain(response.status);
        }
      }
    }
  });
});

describe('a connection', () => {
  it('with 60 ballots of one voter in one go answers all in turn, and counts one', async () => {
    const own = await newVoter();
    const before = await counted();
    const connection = await openRaw(url);
    connection.send(rawRequest(url, { ...ballot('other', own.cookie, A), keepAlive: true }).repeat(60));
    const responses = await connection.untilResponses(60);
    connection.socket.destroy();
    for (const response of responses) expectDocumented(response);
    const accepted = responses.filter(({ status }) => status === 202).length;
    expect(accepted).toBeGreaterThan(0);
    expect(await counted()).toBe(before + 1);
  });

  it('that its client has half closed is ended: what counts is what was told accepted, or not told at all', async () => {
    const before = await counted();
    const told = { accepted: 0, nothing: 0 };
    for (let i = 0; i < 20; i++) {
      const connection = await openRaw(url, { allowHalfOpen: true });
      connection.socket.end(smuggled((await newVoter()).cookie), 'latin1');
      await connection.closed;
      const [response] = connection.responses();
      if (!response) told.nothing += 1;
      else if (response.status === 202) told.accepted += 1;
      else expectDocumented(response);
    }
    const more = (await counted()) - before;
    expect(more).toBeGreaterThanOrEqual(told.accepted);
    expect(more).toBeLessThanOrEqual(told.accepted + told.nothing);
  });

  it('that is reset in the middle of a body leaves no ballot', async () => {
    const before = await counted();
    for (let i = 0; i < 50; i++) {
      const whole = smuggled((await newVoter()).cookie);
      const connection = await openRaw(url);
      const cut = whole.length - 1 - (i % A.length);
      await new Promise((resolve) => connection.socket.write(whole.slice(0, cut), 'latin1', resolve));
      if (i % 2) connection.socket.resetAndDestroy();
      else connection.socket.end();
      await connection.closed;
    }
    expect(await counted()).toBe(before);
  });

  it('of HTTP/1.0 is answered and closed', async () => {
    const responses = await talk(url, 'GET /p/other HTTP/1.0\r\n\r\n');
    expect(responses.map(({ status }) => status)).toEqual([200]);
  });
});

describe('slow clients', () => {
  const SERVICES = [
    ['vote', vote],
    ['result', result],
  ] as const;

  /** Sends the bytes one by one, and tells how long the server kept the connection (ms). */
  async function drip(to: string, start: string, endless: string, everyMs: number): Promise<number> {
    const connection = await openRaw(to);
    connection.send(start);
    let at = 0;
    const timer = setInterval(() => connection.send(endless[at++ % endless.length]!), everyMs);
    try {
      return await connection.closed;
    } finally {
      clearInterval(timer);
    }
  }

  it.each(SERVICES)(
    '200 that never finish their headers are cut off by %s within seconds, and others are served',
    async (_name, service) => {
      const kept = await whileOthersUse(service, () =>
        Promise.all(
          Array.from({ length: 200 }, () =>
            drip(service.url!, `GET / HTTP/1.1\r\nHost: ${host}\r\n`, 'X: y\r\n', 500),
          ),
        ),
      );
      // 5 s, and a look at the clock every second.
      for (const ms of kept) expect(ms).toBeLessThan(15_000);
    },
  );

  it.runIf(FULL).each(SERVICES)(
    '200 that never finish their bodies are cut off by %s, and others are served',
    async (_name, service) => {
      const { cookie } = await newVoter();
      const before = await counted();
      const kept = await whileOthersUse(service, () =>
        Promise.all(
          Array.from({ length: 200 }, () =>
            drip(service.url!, head(cookie, [`Content-Length: 1000`]), ' ', 500),
          ),
        ),
      );
      // 10 s for a whole request, and a look at the clock every second.
      for (const ms of kept) expect(ms).toBeLessThan(20_000);
      expect(await counted()).toBe(before);
    },
  );

  it.each(SERVICES)(
    'that ask a thousand times at once cost %s little memory, and others are served',
    async (_name, service) => {
      const asked = rawRequest(service.url!, { target: '/problems/internal', keepAlive: true }).repeat(1_000);
      const before = await residentMegabytes(service);
      const after = await whileOthersUse(service, async () => {
        const opened = await Promise.all(Array.from({ length: 50 }, () => openRaw(service.url!)));
        for (const connection of opened) {
          connection.socket.pause();
          connection.send(asked);
        }
        const megabytes = await residentMegabytes(service);
        for (const { socket } of opened) socket.destroy();
        return megabytes;
      });
      // 40 or so. Of 200 that ask so, it was over a thousand where all that was read of them is kept until they are closed.
      expect(after - before).toBeLessThan(150);
    },
  );

  it.runIf(FULL).each(SERVICES)(
    'that ask and never read are cut off by %s, and others are served',
    async (_name, service) => {
      const asked = rawRequest(service.url!, { target: '/p/other', keepAlive: true }).repeat(REQUESTS);
      const connections = await whileOthersUse(service, async () => {
        const opened = await Promise.all(Array.from({ length: 50 }, () => openRaw(service.url!)));
        for (const connection of opened) {
          connection.socket.pause();
          connection.send(asked);
        }
        await wait(NOT_READING_MS);
        return opened;
      });
      for (const connection of connections) {
        connection.socket.resume();
        await Promise.race([connection.closed, wait(10_000)]);
        expect(connection.isClosed).toBe(true);
        expect(connection.responses().length).toBeLessThan(REQUESTS);
      }
    },
  );
});

it('an honest ballot goes through after all of that', async () => {
  expect((await ask(url, ballot('other', (await newVoter()).cookie, A))).status).toBe(202);
});
