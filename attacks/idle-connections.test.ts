import { execFileSync } from 'node:child_process';
import { until } from '@hbf/drills/until';
import { describe, expect, it } from 'vitest';
import { whileOthersUse } from './support/crowd.ts';
import { ownMegabytes, residentMegabytes } from './support/memory.ts';
import { ask, openRaw, rawRequest } from './support/raw-http.ts';
import { joinSocketIo } from './support/raw-websocket.ts';
import { releaseOf } from './support/release.ts';
import { FULL } from './support/seed.ts';
import { result, system, vote, withReplica } from './support/system.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

/** Every connection is a file, here and in the service; what is left is for everything else that is open. */
const OTHERS = 500;
const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
const files = limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
const CONNECTIONS = FULL ? 10_000 : 3_000;
/** How many of them a service keeps; of the others it closes those that were idle for the longest. */
const KEPT = 1_500;
/** Of each WebSocket that watches, what a service may spend (kB). */
const KILOBYTES_EACH = 60;

/** @param open opens one of them. */
async function openMany<T>(open: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  // As fast as a service accepts them: more at once would wait in the kernel's queue, which is short.
  while (all.length < CONNECTIONS) all.push(...(await Promise.all(Array.from({ length: 100 }, open))));
  return all;
}

const SERVICES = [
  ['vote', vote],
  ['result', result],
] as const;

// Visibly skipped where the machine permits fewer open files.
describe.skipIf(files < CONNECTIONS + OTHERS)(
  `${CONNECTIONS} connections that do nothing`,
  { timeout: 180_000 },
  () => {
    it.each(SERVICES)(
      'after a request each leave %s, with the memory of the release, answering, and others are served',
      async (app) => {
        const { nodeOptions, megabytes } = releaseOf(app);
        await withReplica(app, { NODE_OPTIONS: nodeOptions }, async (service) => {
          const connections = await whileOthersUse(service, () =>
            openMany(async () => {
              const connection = await openRaw(service.url);
              connection.send(rawRequest(service.url, { target: '/problems/internal', keepAlive: true }));
              await until('it has its answer', () => connection.received !== '' || connection.isClosed);
              return connection;
            }),
          );
          expect(connections.filter(({ received }) => received === '')).toEqual([]);
          const open = () => connections.filter(({ isClosed }) => !isClosed).length;
          await until(
            () => `${open()} connections are closed but for ${KEPT}`,
            () => open() <= KEPT,
          );
          expect(await ownMegabytes(service)).toBeLessThan(megabytes);
          expect((await ask(service.url, { target: '/p/browser' })).status).toBe(200);
          for (const { socket } of connections) socket.destroy();
        });
      },
    );

    it.each(SERVICES)(
      'after a request each whose body does not come leave %s, with the memory of the release, answering, and others are served',
      async (app) => {
        const { nodeOptions, megabytes } = releaseOf(app);
        await withReplica(app, { NODE_OPTIONS: nodeOptions }, async (service) => {
          const headers = [
            ['Content-Type', 'application/json'],
            ['Content-Length', '1000'],
          ] as const;
          const target = '/api/polls/other/ballots';
          const unfinished = rawRequest(service.url, { method: 'POST', target, headers, keepAlive: true });
          await whileOthersUse(service, async () => {
            const connections = await openMany(async () => {
              const connection = await openRaw(service.url);
              connection.send(unfinished);
              return connection;
            });
            // Without a word about the time that they took, since that is over much later.
            const displaced = () =>
              connections.filter(({ isClosed, received }) => isClosed && !received.includes(' 408 ')).length;
            await until(
              () => `${displaced()} connections are closed for others, and all but ${KEPT} should be`,
              () => displaced() >= CONNECTIONS - KEPT,
            );
            expect(await ownMegabytes(service)).toBeLessThan(megabytes);
            for (const { socket } of connections) socket.destroy();
          });
        });
      },
    );

    it.runIf(FULL).each(SERVICES)(
      'without a word are closed by %s, with the memory of the release, within seconds, and others are served',
      async (app) => {
        const { nodeOptions, megabytes } = releaseOf(app);
        await withReplica(app, { NODE_OPTIONS: nodeOptions }, async (service) => {
          const connections = await whileOthersUse(service, async () => {
            const opened = await openMany(() => openRaw(service.url));
            expect(await ownMegabytes(service)).toBeLessThan(megabytes);
            await Promise.all(opened.map(({ closed }) => closed));
            return opened;
          });
          expect(connections).toHaveLength(CONNECTIONS);
          // 5 s for headers, a look every second, and as long again for a machine that is busy with all of them.
          for (const { closed } of connections) expect(await closed).toBeLessThan(30_000);
        });
      },
    );

    it.runIf(FULL)('but watch the tally over WebSocket are all told it, and others are served', async () => {
      // As where an operator gives it the memory for so many.
      const places = String(2 * CONNECTIONS);
      const gateway = await system.add('result', {
        env: { SOCKETS_MAX: places, SOCKETS_PER_NETWORK: places },
      });
      await gateway.untilReady();
      try {
        const before = await residentMegabytes(gateway);
        const sockets = await whileOthersUse(gateway, async () => {
          const opened = await openMany(() => joinSocketIo(gateway.url!));
          for (const socket of opened) socket.frame('421["watch","browser"]');
          await until(
            'all are told the tally',
            () => opened.every((socket) => socket.received.includes('42["tally"')),
            60_000,
            500,
          );
          return opened;
        });
        const after = await residentMegabytes(gateway);
        expect(sockets.filter((socket) => socket.hasEnded())).toEqual([]);
        for (const { socket } of sockets) socket.destroy();
        expect((after - before) * 1_000).toBeLessThan(CONNECTIONS * KILOBYTES_EACH + 50_000);
      } finally {
        await system.remove(gateway);
      }
    });

    it('afterwards a page is there at once', async () => {
      for (const [, { url }] of SERVICES)
        expect((await ask(url!, { target: '/p/browser' })).status).toBe(200);
    });
  },
);
