import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSource } from './root.ts';

const [, version] = /image: traefik:(v[\d.]+)$/m.exec(readSource('infra/compose.sla.yaml')) ?? [];
const ARCHIVE = `traefik_${version}_${process.platform}_${process.arch.replace('x64', 'amd64')}.tar.gz`;

let folder: string;
/** What the place of the releases has, by its paths. */
let files: Map<string, Buffer | string>;
const server = createServer((req, res) => {
  const body = files.get(req.url!);
  res.writeHead(body === undefined ? 404 : 200).end(body);
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hbf-traefik-'));
  writeFileSync(join(folder, 'traefik'), '#!/bin/sh\necho it is me\n', { mode: 0o755 });
  const packed = execFileSync('tar', ['-cz', '-C', folder, 'traefik']);
  const sum = createHash('sha256').update(packed).digest('hex');
  files = new Map<string, Buffer | string>([
    [`/${version}/${ARCHIVE}`, packed],
    [`/${version}/traefik_${version}_checksums.txt`, `${'0'.repeat(64)}  another\n${sum}  ${ARCHIVE}\n`],
  ]);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function fetchTraefik() {
  const to = join(folder, 'bin');
  const releases = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [
    ...['scripts/fetch-traefik.mjs', '--releases', releases],
    ...['--folder', to],
  ]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  return { code, output, path: join(to, 'traefik') };
}

describe('npm run fetch:traefik', () => {
  it('puts the Traefik of the profile sla where tests find it', async () => {
    const { code, path } = await fetchTraefik();
    expect(code).toBe(0);
    expect(execFileSync(path, { encoding: 'utf8' })).toBe('it is me\n');
  });

  it('refuses one that is not what the release says', async () => {
    files.set(`/${version}/${ARCHIVE}`, 'something else');
    const { code, output, path } = await fetchTraefik();
    expect({ code, there: existsSync(path) }).toEqual({ code: 1, there: false });
    expect(output).toContain('is not the one that its release tells the sum of');
  });

  it('names what it could not get', async () => {
    files.clear();
    const { code, output } = await fetchTraefik();
    expect(code).toBe(1);
    expect(output).toMatch(/was answered with 404/);
  });
});
