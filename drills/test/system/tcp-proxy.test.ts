import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createLinks } from '../../src/system/links.ts';
import { startTcpProxy, type TcpProxy } from '../../src/system/tcp-proxy.ts';
import { until } from '../../src/until.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

/** A server that answers each chunk with the same in capitals, and ends when its client does. */
async function startEcho(): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => socket.write(data.toString().toUpperCase()));
    socket.on('end', () => socket.end('bye'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, sockets };
}

type Client = { socket: Socket; heard: () => string; state: () => 'open' | 'ended' | string };

async function connect(port: number): Promise<Client> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  let [heard, state] = ['', 'open'];
  socket.on('data', (data) => {
    heard += data;
  });
  socket.on('end', () => {
    state = 'ended';
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    state = error.code ?? error.message;
  });
  undo.push(() => socket.destroy());
  await until('it is connected, or not', () => socket.readyState === 'open' || state !== 'open');
  return { socket, heard: () => heard, state: () => state };
}

async function startProxy(): Promise<{ proxy: TcpProxy; sockets: Socket[] }> {
  const { port, sockets } = await startEcho();
  const proxy = await startTcpProxy({ host: '127.0.0.1', port });
  undo.push(proxy.close);
  return { proxy, sockets };
}

async function ask(client: Client, text: string): Promise<number> {
  const began = performance.now();
  const before = client.heard();
  client.socket.write(text);
  await until('the answer is there', () => client.heard() === before + text.toUpperCase());
  return performance.now() - began;
}

describe('a proxy', () => {
  it('passes on what is said, and the ends of both sides', async () => {
    const { proxy } = await startProxy();
    const client = await connect(proxy.port);
    await ask(client, 'hello');
    client.socket.end('last');
    await until('the server has answered to the end', () => client.state() === 'ended');
    expect(client.heard()).toBe('HELLOLASTbye');
    await until('nothing is left of it', () => proxy.connections() === 0);
  });

  it('carries much, in both directions, to a reader that is slow', async () => {
    const { proxy } = await startProxy();
    const client = await connect(proxy.port);
    client.socket.pause();
    const text = 'x'.repeat(20 * 1024 * 1024);
    client.socket.write(text);
    await until('it is full', () => client.socket.writableNeedDrain);
    client.socket.resume();
    await until('all is back', () => client.heard().length === text.length);
  });

  it('delays every chunk in each direction, without changing their order, until it is mended', async () => {
    const { proxy } = await startProxy();
    const [old, other] = [await connect(proxy.port), await connect(proxy.port)];
    await ask(old, 'soon');
    proxy.delay(150);
    const young = await connect(proxy.port);
    // Timers may be a millisecond early.
    expect(await ask(old, 'late')).toBeGreaterThan(295);
    expect(await ask(young, 'late')).toBeGreaterThan(295);
    other.socket.write('a');
    await wait(20);
    proxy.delay(0);
    other.socket.write('b');
    await until('both are answered', () => other.heard().length === 2);
    expect(other.heard()).toBe('AB');
    proxy.mend();
    expect(await ask(old, 'soon again')).toBeLessThan(250);
  });

  it('delays the end too, behind what was said before it', async () => {
    const { proxy } = await startProxy();
    const client = await connect(proxy.port);
    proxy.delay(100);
    client.socket.end('last');
    await until('the end has come', () => client.state() === 'ended');
    expect(client.heard()).toBe('LASTbye');
  });

  it('cuts both sides of every connection and refuses new ones, until it is mended', async () => {
    const { proxy, sockets } = await startProxy();
    const client = await connect(proxy.port);
    await ask(client, 'hello');
    proxy.cut();
    await until('the client knows', () => client.state() === 'ECONNRESET');
    await until('the server knows', () => sockets[0]!.destroyed);
    expect((await connect(proxy.port)).state()).toBe('ECONNREFUSED');
    proxy.mend();
    await until('it listens again', async () => (await connect(proxy.port)).state() === 'open');
    await ask(await connect(proxy.port), 'hello again');
  });

  it('holds everything without a word, new connections too, until it is mended', async () => {
    const { proxy, sockets } = await startProxy();
    const client = await connect(proxy.port);
    await ask(client, 'hello');
    proxy.hold();
    client.socket.write('held');
    sockets[0]!.write('news');
    const young = await connect(proxy.port);
    young.socket.write('first words');
    expect(young.state()).toBe('open');
    await wait(100);
    expect([client.heard(), young.heard(), sockets.length]).toEqual(['HELLO', '', 1]);
    proxy.mend();
    await until('what was held has passed', () => client.heard() === 'HELLOnewsHELD');
    await until('the new one leads somewhere', () => young.heard() === 'FIRST WORDS');
  });

  it('tells nobody of an end while it holds', async () => {
    const { proxy, sockets } = await startProxy();
    const client = await connect(proxy.port);
    await ask(client, 'hello');
    proxy.hold();
    sockets[0]!.resetAndDestroy();
    await wait(100);
    expect(client.state()).toBe('open');
    proxy.mend();
    await until('the client is told now', () => client.state() !== 'open');
  });

  it('forgets the present connections for good, and serves new ones', async () => {
    const { proxy, sockets } = await startProxy();
    const client = await connect(proxy.port);
    await ask(client, 'hello');
    proxy.forget();
    expect(proxy.connections()).toBe(0);
    client.socket.write('anybody?');
    sockets[0]!.end('bye');
    await ask(await connect(proxy.port), 'new');
    proxy.mend();
    await wait(50);
    expect([client.heard(), client.state()]).toEqual(['HELLO', 'open']);
  });

  it('holds only requests, or only answers', async () => {
    const { proxy, sockets } = await startProxy();
    const client = await connect(proxy.port);
    await ask(client, 'hello');
    proxy.holdRequests();
    client.socket.write('held');
    sockets[0]!.write('news');
    await until('the answers pass', () => client.heard() === 'HELLOnews');
    proxy.mend();
    await until('the requests pass', () => client.heard() === 'HELLOnewsHELD');
    proxy.holdAnswers();
    client.socket.write('more');
    await until('it has arrived', () => sockets[0]!.bytesRead === 13);
    expect(client.heard()).toBe('HELLOnewsHELD');
    proxy.mend();
    await until('it is answered', () => client.heard() === 'HELLOnewsHELDMORE');
  });
});

describe('a link', () => {
  it('disturbs all its ends, those too that come while a fault holds', async () => {
    const { port } = await startEcho();
    const link = createLinks()['voter-vote'];
    undo.push(link.close);
    const first = await link.through(port);
    link.cut();
    const second = await link.through(port);
    expect((await connect(first)).state()).toBe('ECONNREFUSED');
    expect((await connect(second)).state()).toBe('ECONNREFUSED');
    link.mend();
    for (const each of [first, second]) {
      await until('it listens again', async () => (await connect(each)).state() === 'open');
      await ask(await connect(each), 'hello');
    }
  });
});
