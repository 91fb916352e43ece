import { execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '@hbf/drills/until';
import { describe, expect, it } from 'vitest';
import { whileVoting } from './support/crowd.ts';
import { residentMegabytes } from './support/memory.ts';
import { ask, openRaw, type RawConnection, rawRequest } from './support/raw-http.ts';
import { joinSocketIo } from './support/raw-websocket.ts';
import { FULL } from './support/seed.ts';
import { result, system, vote } from './support/system.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

/** Every connection is a file, here and in the service; what is left is for everything else that is open. */
const OTHERS = 500;
const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
const files = limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
const CONNECTIONS = FULL ? 10_000 : 1_000;
/** Of each, what a service may spend (kB). */
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
      'after a request each leave %s answering, voters go on voting, and little memory is held',
      async (_name, service) => {
        const before = await residentMegabytes(service);
        let connections: RawConnection[] = [];
        const [, told] = await whileVoting(async () => {
          connections = await openMany(async () => {
            const connection = await openRaw(service.url!);
            connection.send(rawRequest(service.url!, { target: '/problems/internal', keepAlive: true }));
            return connection;
          });
          await until('all have had their answer', () =>
            connections.every((connection) => connection.received !== ''),
          );
          await wait(2_000);
        });
        const open = connections.filter(({ isClosed }) => !isClosed).length;
        const after = await residentMegabytes(service);
        for (const { socket } of connections) socket.destroy();
        expect(open).toBe(CONNECTIONS);
        expect(told.lost).toEqual([]);
        expect(told.times.length).toBeGreaterThan(20);
        expect((after - before) * 1_000).toBeLessThan(CONNECTIONS * KILOBYTES_EACH + 50_000);
      },
    );

    it.runIf(FULL).each(SERVICES)(
      'without a word are closed by %s within seconds, and voters go on voting',
      async (_name, service) => {
        const [connections, told] = await whileVoting(async () => {
          const opened = await openMany(() => openRaw(service.url!));
          await Promise.all(opened.map(({ closed }) => closed));
          return opened;
        });
        expect(connections).toHaveLength(CONNECTIONS);
        // 5 s for headers, a look every second, and as long again for a machine that is busy with all of them.
        for (const { closed } of connections) expect(await closed).toBeLessThan(30_000);
        expect(told.lost).toEqual([]);
      },
    );

    it.runIf(FULL)(
      'but watch the tally over WebSocket are all told it, and voters go on voting',
      async () => {
        const gateway = await system.add('result');
        await gateway.untilReady();
        try {
          const before = await residentMegabytes(gateway);
          const [sockets, told] = await whileVoting(async () => {
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
          expect(told.lost).toEqual([]);
          expect((after - before) * 1_000).toBeLessThan(CONNECTIONS * KILOBYTES_EACH + 50_000);
        } finally {
          await system.remove(gateway);
        }
      },
    );

    it('afterwards a page is there at once', async () => {
      for (const [, { url }] of SERVICES)
        expect((await ask(url!, { target: '/p/browser' })).status).toBe(200);
    });
  },
);
