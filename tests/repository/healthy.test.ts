import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../infra/docker/healthy.sh', import.meta.url));

let status = 200;
const server = createServer((req, res) => res.writeHead(req.url === '/healthz' ? status : 404).end('ok'));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
afterAll(() => server.close());

const check = (toPort: number) =>
  new Promise<boolean>((resolve) => {
    const env = { PATH: process.env.PATH, METRICS_PORT: String(toPort) };
    execFile('bash', [SCRIPT], { env, timeout: 10_000 }, (error) => resolve(error === null));
  });

it("a container's health check tells a process that lives from one that does not, or says otherwise", async () => {
  expect(await check(port)).toBe(true);
  status = 503;
  expect(await check(port)).toBe(false);
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port: nobodys } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  expect(await check(nobodys)).toBe(false);
});
