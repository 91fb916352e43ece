import { type ChildProcess, spawn } from 'node:child_process';
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

function forward(...rules: string[]): ChildProcess {
  const child = spawn(process.execPath, ['scripts/forward-ports.mjs', ...rules], { stdio: 'ignore' });
  ends.push(() => child.kill('SIGKILL'));
  return child;
}

const ask = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'hello' })
    .then((response) => response.text())
    .catch(() => 'closed');

const untilAnswered = (port: number, answer: string) =>
  until(`${port} answers "${answer}"`, async () => (await ask(port)) === answer);

describe('forwarded ports', () => {
  it('lead to the first place while that is there, and past it when it is gone', async () => {
    const [edge, vote, port] = [await answering('edge'), await answering('vote'), await freePort()];
    forward(`${port}=localhost:${edge.port},127.0.0.1:${vote.port}`);
    await untilAnswered(port, 'edge hello');
    await edge.close();
    expect(await ask(port)).toBe('vote hello');
    await vote.close();
    expect(await ask(port)).toBe('closed');
  });

  it('lead to the last place where the first has no name', async () => {
    const [vote, port] = [await answering('vote'), await freePort()];
    forward(`${port}=nobody.invalid:1,127.0.0.1:${vote.port}`);
    await untilAnswered(port, 'vote hello');
  });

  it('are refused where the rule is none', async () => {
    const child = forward('5002');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2);
  });
});
