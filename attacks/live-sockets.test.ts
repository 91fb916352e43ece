import { setTimeout as wait } from 'node:timers/promises';
import type { Tally } from '@hbf/contracts/tally';
import type { LocalReplica } from '@hbf/drills/system/replica';
import { until } from '@hbf/drills/until';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gauge, ownMegabytes, residentMegabytes } from './support/memory.ts';
import { ask, openRaw, type RawConnection, rawRequest, talk } from './support/raw-http.ts';
import {
  encodeFrame,
  type FrameOptions,
  joinSocketIo,
  lengthBytes,
  openWebSocket,
  type RawWebSocket,
  webSocketRequest,
} from './support/raw-websocket.ts';
import { releaseOf } from './support/release.ts';
import { FULL } from './support/seed.ts';
import { countBallots, result, system, withReplica } from './support/system.ts';
import { newVoter } from './support/voter.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const url = result.url!;
/** How long each flood goes on. */
const FLOOD_MS = FULL ? 10_000 : 500;

/** An honest page watches; after `work` it watches still, hears a change, and asked anew it is told the same. */
async function whileWatching(work: () => Promise<void>, watched: { url: string } = gateway): Promise<void> {
  const page = await joinSocketIo(watched.url);
  const pongs = setInterval(() => page.frame('3'), 5_000);
  try {
    page.frame('420["watch","other"]');
    await page.untilText('430[{');
    await work();
    const voter = await newVoter();
    await voter.castAccepted('other', ['b']);
    const { b } = await countBallots('other');
    const told = () =>
      page
        .texts()
        .filter((text) => text.startsWith('42["tally"'))
        .map(
          (text) =>
            (JSON.parse(text.slice(2)) as [string, Tally])[1].options.find(({ key }) => key === 'b')!.votes,
        );
    await until(
      () => `the page hears of ${b} votes, and not only of ${told().at(-1)}`,
      () => told().at(-1) === b,
    );
    expect(page.isClosed).toBe(false);
  } finally {
    clearInterval(pongs);
    page.socket.destroy();
  }
}

/** A gateway whose memory is looked at: nothing but these attacks costs it any. */
let gateway: LocalReplica & { url: string };
beforeAll(async () => {
  gateway = (await system.add('result')) as typeof gateway;
  await gateway.untilReady();
});
afterAll(() => system.remove(gateway));

/** Runs an attack on it. @param grows the memory that it may cost, at most (MB). */
async function attack(grows: number, work: () => Promise<void>): Promise<void> {
  const before = await residentMegabytes(gateway);
  await whileWatching(async () => {
    await work();
    expect((await residentMegabytes(gateway)) - before).toBeLessThan(grows);
  });
}

/** Writes until the server hangs up or `forMs` have passed, never reading. @returns how many bytes went out. */
async function flood(socket: RawWebSocket, bytes: Buffer, forMs: number): Promise<number> {
  socket.socket.pause();
  const end = performance.now() + forMs;
  let sent = 0;
  while (performance.now() < end && !socket.socket.destroyed && socket.socket.writable) {
    const drained = socket.socket.write(bytes);
    sent += bytes.length;
    if (!drained) {
      await Promise.race([new Promise((resolve) => socket.socket.once('drain', resolve)), wait(200)]);
    }
  }
  return sent;
}

const text = (payload: string, options: FrameOptions = {}) => encodeFrame(payload, options);
const many = (count: number, frame: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => frame(index)));

const FLOODS: Record<string, Buffer> = {
  watch: many(1_000, (id) => text(`42${id % 10}["watch","other"]`)),
  'pings of WebSocket': many(5_000, () => encodeFrame('', { opcode: 9 })),
  'pongs that nobody asked for': many(5_000, () => encodeFrame('', { opcode: 10 })),
  'probes for an upgrade': many(5_000, () => text('2probe')),
  'packets of Socket.IO without a meaning': many(5_000, () => text('3')),
  namespaces: many(1_000, (index) => text(`40/n${index},`)),
  'acknowledgements of nothing': many(2_000, (index) => text(`43${index}[]`)),
  'pieces of one message': Buffer.concat([
    text('42', { isLast: false }),
    many(5_000, () => text('', { opcode: 0, isLast: false })),
  ]),
  'messages of megabytes': text('x'.repeat(1_000_000)),
  'a message of more bytes than there are': Buffer.concat([
    Buffer.from([0x81, 0xff, ...lengthBytes(Number.MAX_SAFE_INTEGER), 0, 0, 0, 0]),
    Buffer.alloc(100_000),
  ]),
};

describe('a socket that never reads and floods', () => {
  it.each(Object.entries(FLOODS))(
    'with %s is hung up on before it costs memory, and pages hear the tally',
    async (_name, bytes) => {
      await attack(100, async () => {
        const sockets = await Promise.all(Array.from({ length: 5 }, () => joinSocketIo(gateway.url)));
        await Promise.all(sockets.map((socket) => flood(socket, bytes, FLOOD_MS)));
        // Long before it would be noticed that they take nothing (10 s).
        await until(
          'only the page is left',
          async () => (await gauge(gateway, 'socket_connections')) === 1,
          6_000,
        );
        for (const socket of sockets) socket.socket.destroy();
      });
    },
  );

  it('while it asks for an upgrade is hung up on too', async () => {
    await attack(100, async () => {
      const sockets = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const { body } = await ask(gateway.url, { target: '/socket.io/?EIO=4&transport=polling' });
          const { sid } = JSON.parse(body.slice(1)) as { sid: string };
          return openWebSocket(gateway.url, [], `/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
        }),
      );
      const hungUp = await Promise.all(
        sockets.map(async (socket, index) => {
          await flood(socket, FLOODS[index % 2 ? 'pings of WebSocket' : 'probes for an upgrade']!, FLOOD_MS);
          socket.socket.resume();
          return Promise.race([socket.closed, wait(2_000)]);
        }),
      );
      for (const ms of hungUp) expect(ms).toBeDefined();
    });
  });
});

describe('what is no message', () => {
  it.each<[string, Buffer]>([
    ['a frame that is not masked', text('40', { isMasked: false })],
    ['a reserved bit (compression was not agreed upon)', text('40', { reserved: 4 })],
    ['an unknown kind of frame', encodeFrame('', { opcode: 3 })],
    ['a ping in pieces', encodeFrame('', { opcode: 9, isLast: false })],
    ['a continuation of nothing', encodeFrame('x', { opcode: 0 })],
    ['text that is none', encodeFrame(Buffer.from([0xff, 0xfe]), { opcode: 1 })],
    ['a text of 5 kB', text('x'.repeat(5_000))],
    ['bytes that were not announced', encodeFrame(Buffer.from('x'))],
    ['an event of a million attachments', text('451000000-["watch",{"_placeholder":true,"num":0}]')],
    ['an event with a reserved name', text('42["disconnecting"]')],
    ['an unknown kind of packet', text('4999')],
  ])('%s ends that connection and no other', async (_name, frame) => {
    const other = await joinSocketIo(url);
    const socket = await joinSocketIo(url);
    socket.socket.write(frame);
    await until('it ends', () => socket.hasEnded());
    socket.socket.destroy();
    other.frame('421["watch","other"]');
    await other.untilText('431[{');
    other.socket.destroy();
  });

  it('no compression is agreed upon: a bomb has nowhere to unpack', async () => {
    const socket = await openWebSocket(url, [
      ['Sec-WebSocket-Extensions', 'permessage-deflate; server_max_window_bits=15'],
    ]);
    expect(socket.received.toLowerCase()).not.toContain('sec-websocket-extensions');
    socket.socket.destroy();
    const packed = await ask(url, {
      target: '/socket.io/?EIO=4&transport=polling',
      headers: [['Accept-Encoding', 'gzip, deflate, br']],
    });
    expect(packed.headers.map(([name]) => name)).not.toContain('content-encoding');
  });
});

describe('watch with anything', () => {
  /** Fails where a text is an acknowledgement and has neither a tally nor a problem that the contract has. */
  function expectReply(text: string): void {
    if (!/^43\d+\[/.test(text)) return;
    const [reply] = JSON.parse(text.replace(/^43\d+/, '')) as [{ options?: unknown; type?: string }];
    expect(
      reply.options !== undefined ||
        /^\/problems\/(malformed|unknown-poll|too-many-requests)$/.test(reply.type ?? ''),
      text,
    ).toBe(true);
  }

  it('is answered with a tally or a problem, or ends the connection; nothing else happens', async () => {
    const payload = fc.oneof(
      fc.json(),
      fc
        .array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 })
        .map((args) => JSON.stringify(['watch', ...args])),
      fc.constantFrom(
        '["watch","other"]',
        '["watch"]',
        '["watch",null]',
        '["__proto__","other"]',
        '["constructor"]',
        '[]',
        '',
        '{}',
        '["watch",{"__proto__":{"x":1}}]',
        '["watch","__proto__"]',
        '["toString",1]',
        '["watch","other","x","y"]',
      ),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    const packet = fc.oneof(
      payload.map((body) => `421${body}`),
      payload.map((body) => `42${body}`),
      fc
        .tuple(
          fc.constantFrom(
            '40',
            '41',
            '42',
            '43',
            '44',
            '45',
            '46',
            '4',
            '0',
            '1',
            '2',
            '3',
            '5',
            '6',
            '42/x,',
            '452-',
            '42-1',
            '4299999999999999999999',
          ),
          payload,
        )
        .map(([type, body]) => type + body),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(packet, { minLength: 1, maxLength: 10 }), async (packets) => {
        const socket = await joinSocketIo(url);
        for (const one of packets) socket.frame(one);
        socket.frame('427["watch","other"]');
        await until(
          'it is answered or ends',
          () => socket.hasEnded() || socket.texts().some((told) => told.startsWith('437[{"poll":"other"')),
        );
        for (const told of socket.texts()) expectReply(told);
        socket.socket.destroy();
      }),
      { numRuns: FULL ? 500 : 30 },
    );
  });

  it('over polling is answered likewise', async () => {
    const SEPARATOR = '\x1e';
    const body = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }).map((one) => Buffer.from(one).toString('latin1')),
      fc.constantFrom(
        '421["watch","other"]',
        '421["watch","__proto__"]',
        '421["watch"]',
        '42["watch","other"]',
        `40${SEPARATOR}421["watch","other"]`.repeat(30),
        'b####',
        SEPARATOR.repeat(4_000),
        '1',
        '2probe',
        '41',
        'x'.repeat(5_000),
      ),
    );
    const target = '/socket.io/?EIO=4&transport=polling';
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 3 }), async (bodies) => {
        const { body: open } = await ask(url, { target });
        const session = `${target}&sid=${(JSON.parse(open.slice(1)) as { sid: string }).sid}`;
        /** @returns the status; undefined where the server hung up on it, as it does where it ends the session. */
        const post = async (sent: string) => {
          const [answer] = await talk(
            url,
            rawRequest(url, {
              method: 'POST',
              target: session,
              body: sent,
              headers: [['Content-Type', 'text/plain;charset=UTF-8']],
            }),
          );
          return answer?.status;
        };
        expect(await post('40')).toBe(200);
        const answers: (number | undefined)[] = [];
        for (const sent of [...bodies, '427["watch","other"]']) answers.push(await post(sent));
        for (const status of answers) expect([200, 400, 413, undefined]).toContain(status);
        // As a client does: until the last message is answered, or the session is gone.
        const told: string[] = [];
        let isOpen = true;
        while (isOpen && !told.some((text) => text.startsWith('437['))) {
          const read = await ask(url, { target: session });
          expect([200, 400]).toContain(read.status);
          isOpen = read.status === 200;
          if (isOpen) told.push(...Buffer.from(read.body, 'latin1').toString('utf8').split(SEPARATOR));
        }
        if (answers.includes(undefined)) expect(isOpen).toBe(false);
        for (const text of told) expectReply(text);
        if (told.some((text) => text.startsWith('437[{"poll":"other"'))) answered += 1;
      }),
      { numRuns: FULL ? 500 : 30 },
    );
    expect(answered).toBeGreaterThan(0);
  });
});

describe('requests for an upgrade', () => {
  const upgrade = (target: string, protocol: string) =>
    rawRequest(url, {
      target,
      headers: [
        ['Connection', 'Upgrade'],
        ['Upgrade', protocol],
      ],
      keepAlive: true,
    });

  it.each([
    ['h2c', '/'],
    ['websocket', '/socket.io/?EIO=4&transport=websocket'],
  ])(
    'for %s at %s, behind another request in one packet, end no more than their connection',
    async (protocol, target) => {
      await attack(100, async () => {
        for (let i = 0; i < 20; i++) {
          await talk(
            gateway.url,
            rawRequest(gateway.url, { target: '/problems/internal', keepAlive: true }) +
              upgrade(target, protocol),
          );
        }
      });
    },
  );

  it('whose clients never close are closed by the server', async () => {
    await attack(100, async () => {
      const descriptors = () => gauge(gateway, 'process_open_fds');
      const before = await descriptors();
      const opened = await Promise.all(
        Array.from({ length: 100 }, () => openRaw(gateway.url, { allowHalfOpen: true })),
      );
      await until('the server has them all', async () => (await descriptors()) >= before + 90);
      for (const { send } of opened) send(upgrade('/p/other', 'h2c'));
      // The honest watcher and the metrics open and close some of their own.
      await until('their descriptors are free', async () => (await descriptors()) <= before + 10, 15_000);
      for (const { socket } of opened) socket.destroy();
    });
  });
});

describe('crowds of sockets', () => {
  it('do not end a result with the memory of the release: handshakes are refused, and pages hear the tally', async () => {
    const { nodeOptions, megabytes } = releaseOf('result');
    await withReplica('result', { NODE_OPTIONS: nodeOptions }, async (release) => {
      const opened: RawConnection[] = [];
      await whileWatching(async () => {
        // Sessions by polling that are never asked for again, over two connections.
        const handshake = rawRequest(release.url, {
          target: '/socket.io/?EIO=4&transport=polling',
          keepAlive: true,
        });
        await Promise.all(
          [1, 2].map(async () => {
            const connection = await openRaw(release.url);
            opened.push(connection);
            for (let sent = 0; sent < 2_000; sent += 50) {
              connection.send(handshake.repeat(50));
              await connection.untilResponses(sent + 50, 20_000);
            }
          }),
        );
        // And WebSockets, each of which watches a poll and agrees to nothing.
        for (let i = 0; i < 20; i++) {
          const more = await Promise.all(Array.from({ length: 100 }, () => openRaw(release.url)));
          for (const connection of more) connection.send(webSocketRequest(release.url));
          opened.push(...more);
          await until(
            'every handshake is answered',
            () => more.every(({ received, isClosed }) => isClosed || received.includes('\r\n\r\n')),
            20_000,
          );
          for (const { socket, received } of more) {
            if (received.startsWith('HTTP/1.1 101 '))
              socket.write(Buffer.concat([text('40'), text('420["watch","other"]')]));
          }
        }
        expect(await ownMegabytes(release)).toBeLessThan(megabytes);
        expect(await gauge(release, 'sockets_refused_total{reason="total"}')).toBeGreaterThan(1_000);
        expect((await ask(release.url, { target: '/p/other' })).status).toBe(200);
      }, release);
      for (const { socket } of opened) socket.destroy();
    });
  }, 120_000);

  it.runIf(FULL)(
    '5,000 that shake hands and go away are forgotten within half a minute',
    async () => {
      await attack(150, async () => {
        for (let i = 0; i < 50; i++) {
          await Promise.all(
            Array.from({ length: 100 }, (_, n) =>
              talk(
                gateway.url,
                rawRequest(gateway.url, { target: `/socket.io/?EIO=4&transport=polling&t=${n}` }),
              ),
            ),
          );
        }
        await until(
          'they are forgotten',
          async () => (await gauge(gateway, 'socket_connections')) <= 1,
          45_000,
        );
      });
    },
    120_000,
  );
});
