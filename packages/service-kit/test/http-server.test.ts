import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { closeServer, createHttpServer, drainServer, listen } from '../src/http-server.ts';

const opened: { servers: Server[]; sockets: Socket[] } = { servers: [], sockets: [] };

afterEach(() => {
  for (const socket of opened.sockets.splice(0)) socket.destroy();
  for (const server of opened.servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function start(listener: RequestListener = (_req, res) => res.end('ok')) {
  const server = createHttpServer(listener);
  opened.servers.push(server);
  return { server, port: await listen(server, 0, '127.0.0.1') };
}

/** A raw connection; `received` grows with what comes. */
async function open(port: number) {
  const socket = connect(port, '127.0.0.1');
  opened.sockets.push(socket);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const connection = { socket, received: '', closed };
  socket.on('error', () => {});
  socket.on('data', (data) => {
    connection.received += data;
  });
  await once(socket, 'connect');
  return connection;
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

async function timed(work: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work;
  return performance.now() - started;
}

describe('createHttpServer', () => {
  it('cuts off a client that does not finish its headers', async () => {
    const { server, port } = await start();
    server.headersTimeout = 100; // read at each check; the real one is 5 s
    const { socket, closed } = await open(port);
    socket.write('GET / HTTP/1.1\r\nX-Slow: ');
    await closed;
  }, 5_000);

  it('has time-outs for headers, requests and idle connections', async () => {
    const { server } = await start();
    expect(server.headersTimeout).toBeLessThan(server.requestTimeout);
    expect(server.requestTimeout).toBeLessThanOrEqual(10_000);
    expect(server.keepAliveTimeout).toBeGreaterThan(60_000);
  });

  it('takes a whole address for its path, and refuses what is no address before any listener sees it', async () => {
    const seen: (string | undefined)[] = [];
    const { port } = await start((req, res) => {
      seen.push(req.url);
      res.end();
    });
    for (const [target, status] of [
      ['/p/x?y=%2F', 200],
      ['http://other.example/p/x?y', 200],
      ['HTTPS://other.example', 200],
      ['//other.example/x', 200],
      ['http://a:b:c/', 400],
      ['http://[/', 400],
      ['ftp://other.example/', 400],
      ['*', 400],
      ['x', 400],
    ] as const) {
      const connection = await open(port);
      connection.socket.write(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      await connection.closed;
      expect(connection.received, target).toContain(`HTTP/1.1 ${status} `);
    }
    expect(seen).toEqual(['/p/x?y=%2F', '/p/x?y', '/', '//other.example/x']);
  });

  it('hangs up on a client that takes nothing of its answer', async () => {
    let ended = false;
    const { server, port } = await start((_req, res) => {
      res.once('close', () => {
        ended = true;
      });
      // More than all buffers on the way take.
      res.end(Buffer.alloc(50_000_000));
    });
    expect(server.timeout).toBeGreaterThan(0);
    server.timeout = 100; // read at each connection; the real one is 30 s
    const { socket } = await open(port);
    socket.pause();
    socket.write(REQUEST);
    await vi.waitUntil(() => ended, { timeout: 5_000 });
  });

  it('ends every answer that it owes to a client that has gone, also those behind others', async () => {
    let heard = 0;
    let ended = 0;
    const { server, port } = await start((_req, res) => {
      heard += 1;
      res.once('close', () => {
        ended += 1;
      });
    });
    const connection = await open(port);
    connection.socket.write(REQUEST.repeat(20));
    await vi.waitUntil(() => heard === 20);
    connection.socket.destroy();
    await vi.waitUntil(() => ended === 20);
    // It would wait 5 s for an answer that is still owed.
    expect(await timed(closeServer(server))).toBeLessThan(4_000);
  });

  it('owes a thousand answers behind others in all, and one more to whoever asks once', async () => {
    const waiting: (() => void)[] = [];
    const { port } = await start((_req, res) => waiting.push(() => res.end('ok')));
    const connections = await Promise.all(Array.from({ length: 30 }, () => open(port)));
    let closed = 0;
    for (const connection of connections) {
      connection.closed.then(() => {
        closed += 1;
      });
      connection.socket.write(REQUEST.repeat(51));
    }
    await vi.waitUntil(() => closed === 10);
    const heard = waiting.length;
    const honest = await open(port);
    honest.socket.write(REQUEST);
    await vi.waitUntil(() => waiting.length > heard);
    for (const answer of waiting) answer();
    await vi.waitUntil(() => honest.received.includes('200 OK'));
    expect(closed).toBe(10);
  });

  it('owes one connection 64 answers at most: it closes at the next request', async () => {
    let heard = 0;
    const { port } = await start((_req, res) => {
      heard += 1;
      setTimeout(() => res.end('ok'), 50);
    });
    const connection = await open(port);
    connection.socket.write(REQUEST.repeat(200));
    await connection.closed;
    expect(heard).toBe(64);
    expect(connection.received).toBe('');

    const patient = await open(port);
    for (let i = 1; i <= 100; i++) {
      patient.socket.write(REQUEST);
      await vi.waitUntil(() => patient.received.match(/HTTP\/1\.1 200 /g)?.length === i, { interval: 1 });
    }
  });

  it("takes 15 kB of headers: another program's cookies come along", async () => {
    const { port } = await start();
    const connection = await open(port);
    const answered = once(connection.socket, 'data');
    connection.socket.write(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'c'.repeat(15_000)}\r\n\r\n`);
    await answered;
    expect(connection.received).toMatch(/^HTTP\/1.1 200 /);
  });

  it('refuses headers over 16 kB with 431', async () => {
    const { port } = await start();
    const connection = await open(port);
    connection.socket.write(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'c'.repeat(17_000)}\r\n\r\n`);
    await connection.closed;
    expect(connection.received).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe('listen', () => {
  it('says which port is taken', async () => {
    const { port } = await start();
    await expect(
      listen(
        createHttpServer(() => {}),
        port,
        '127.0.0.1',
      ),
    ).rejects.toThrow(`Port ${port} is taken`);
  });
});

describe('drainServer', () => {
  it('answers the next request of a connection kept alive, and a new one, telling both to close', async () => {
    const { server, port } = await start((_req, res) => void res.end('answered'));
    const kept = await open(port);
    kept.socket.write(REQUEST);
    await once(kept.socket, 'data');
    expect(kept.received).not.toMatch(/^Connection: close\r$/m);
    const draining = drainServer(server);
    kept.socket.write(REQUEST);
    const fresh = await open(port);
    fresh.socket.write(REQUEST);
    await Promise.all([kept.closed, fresh.closed]);
    for (const { received } of [kept, fresh]) {
      expect(received).toMatch(/^Connection: close\r$/m);
      expect(received).toMatch(/answered$/);
    }
    await draining;
    await closeServer(server);
  });
});

describe('closeServer', () => {
  it('closes at once where nobody is connected, also one that never listened', async () => {
    const { server } = await start();
    await closeServer(server);
    await closeServer(createHttpServer(() => {}));
  });

  it('finishes what is in flight, tells the client to close, and then closes that connection', async () => {
    let answer = () => {};
    const { server, port } = await start((_req, res) => {
      answer = () => res.end('finished');
    });
    const connection = await open(port);
    const arrived = once(server, 'request');
    connection.socket.write(REQUEST);
    await arrived;
    const closing = closeServer(server);
    answer();
    await Promise.all([closing, connection.closed]);
    expect(connection.received).toMatch(/^Connection: close\r$/m);
    expect(connection.received).toMatch(/finished/);
  });

  it('takes no new connection while it finishes', async () => {
    let answer = () => {};
    const { server, port } = await start((_req, res) => {
      answer = () => res.end();
    });
    const connection = await open(port);
    const arrived = once(server, 'request');
    connection.socket.write(REQUEST);
    await arrived;
    const closing = closeServer(server);
    await expect(open(port)).rejects.toThrow('ECONNREFUSED');
    answer();
    await closing;
  });

  it.each([
    ['kept alive after its answer', REQUEST],
    ['opened ahead and never used', ''],
    ['in the middle of its headers', 'GET / HT'],
  ])('does not wait for a connection %s', async (_, sent) => {
    const { server, port } = await start();
    const connection = await open(port);
    if (sent) connection.socket.write(sent);
    if (sent === REQUEST) await once(connection.socket, 'data');
    expect(await timed(closeServer(server))).toBeLessThan(2_000);
    await connection.closed;
  });

  it('does not wait for ever for a request that is never finished', async () => {
    const { server, port } = await start(() => {});
    const connection = await open(port);
    const arrived = once(server, 'request');
    connection.socket.write(REQUEST);
    await arrived;
    expect(await timed(closeServer(server))).toBeLessThan(7_000);
    await connection.closed;
  });
});
