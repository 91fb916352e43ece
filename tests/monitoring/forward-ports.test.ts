import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '@hbf/drills/until';
import { freePort } from '@hbf/local-services/free-port';
import { afterEach, describe, expect, it } from 'vitest';

const ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server that answers with its name and what it was sent. */
async function answering(name: string) {
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    res.setHeader('connection', 'close').end(`${name} ${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  ends.push(close);
  return { port: (server.address() as AddressInfo).port, close };
}

/** The same in a process of its own, which can be frozen: the kernel goes on accepting connections for it. */
async function answeringApart(name: string) {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `const server = require('node:http').createServer((req, res) => {
        req.resume().on('end', () => res.setHeader('connection', 'close').end('${name} hello'));
      }).listen(0, '127.0.0.1', () => console.log(server.address().port));`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  ends.push(() => child.kill('SIGKILL'));
  const [port] = await once(child.stdout, 'data');
  return { port: Number(port), freeze: () => child.kill('SIGSTOP'), thaw: () => child.kill('SIGCONT') };
}

function forward(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, ['scripts/forward-ports.mjs', ...args], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  ends.push(() => child.kill('SIGKILL'));
  return child;
}

const pageOf = (port: number) => `--while=http://localhost:${port}/ping`;
const ask = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'hello' })
    .then((response) => response.text())
    .catch(() => 'closed');

const untilAnswered = (port: number, answer: string) =>
  until(`${port} answers "${answer}"`, async () => (await ask(port)) === answer);

describe('forwarded ports', () => {
  it('lead to the first place while that is there, and past it when it is gone', async () => {
    const [edge, vote, port] = [await answering('edge'), await answering('vote'), await freePort()];
    forward([pageOf(edge.port), `${port}=localhost:${edge.port},127.0.0.1:${vote.port}`]);
    await untilAnswered(port, 'edge hello');
    await edge.close();
    expect(await ask(port)).toBe('vote hello');
    await vote.close();
    expect(await ask(port)).toBe('closed');
  });

  it('lead past a first place that is frozen, end what hangs in it, and lead there again when it answers', async () => {
    const [edge, vote, port] = [await answeringApart('edge'), await answering('vote'), await freePort()];
    forward([pageOf(edge.port), `${port}=localhost:${edge.port},127.0.0.1:${vote.port}`]);
    await untilAnswered(port, 'edge hello');
    edge.freeze();
    // It is accepted, and nobody would ever answer.
    expect(await ask(port)).toBe('closed');
    expect(await ask(port)).toBe('vote hello');
    edge.thaw();
    await untilAnswered(port, 'edge hello');
  });

  it('lead past a first place that says it is not well', async () => {
    const [edge, vote, port] = [await answering('edge'), await answering('vote'), await freePort()];
    let status = 200;
    const page = createServer((_req, res) => res.writeHead(status).end());
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    ends.push(() => page.close());
    forward([
      pageOf((page.address() as AddressInfo).port),
      `${port}=localhost:${edge.port},127.0.0.1:${vote.port}`,
    ]);
    await untilAnswered(port, 'edge hello');
    status = 503;
    await untilAnswered(port, 'vote hello');
  });

  it('lead to the last place where the first has no name', async () => {
    const [vote, port] = [await answering('vote'), await freePort()];
    forward(['--while=http://nobody.invalid:1/', `${port}=nobody.invalid:1,127.0.0.1:${vote.port}`]);
    await untilAnswered(port, 'vote hello');
  });

  it('are counted by the way that each connection took', async () => {
    const [edge, vote, port, metricsPort] = [
      await answering('edge'),
      await answering('vote'),
      await freePort(),
      await freePort(),
    ];
    forward([pageOf(edge.port), `${port}=localhost:${edge.port},127.0.0.1:${vote.port}`], {
      METRICS_PORT: String(metricsPort),
    });
    const internal = (path: string) => fetch(`http://127.0.0.1:${metricsPort}${path}`).catch(() => undefined);
    await until('it lives', async () => (await internal('/healthz'))?.status === 200);
    const counted = async (way: string) => {
      const text = await (await internal('/metrics'))!.text();
      return Number(
        new RegExp(`^forwarded_connections_total\\{port="${port}",way="${way}"\\} (\\d+)$`, 'm').exec(
          text,
        )?.[1],
      );
    };
    expect([await counted('first'), await counted('last'), await counted('none')]).toEqual([0, 0, 0]);
    await untilAnswered(port, 'edge hello');
    const past = await counted('last');
    expect(await counted('first')).toBe(1);
    await edge.close();
    await ask(port);
    expect(await counted('last')).toBe(past + 1);
    await vote.close();
    await ask(port);
    expect([await counted('first'), await counted('none')]).toEqual([1, 1]);
  });

  it.for([['5002'], ['5002=edge:1,vote:2'], ['--while=edge', '5002=edge:1,vote:2']])(
    'are refused where %j is no rule, or does not tell how to know whether the first place is there',
    async (args) => {
      const child = forward(args);
      expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2);
    },
  );
});
