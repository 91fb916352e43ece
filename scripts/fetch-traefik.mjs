/**
 * `npm run fetch:traefik`: puts the Traefik of infra/compose.sla.yaml into .local/bin, out of its official release and
 * checked against the sums of that, for the tests of the edge: `TRAEFIK_PATH=.local/bin/traefik npm test`.
 * Needs Node and tar alone: no packages, no build.
 *
 *   node scripts/fetch-traefik.mjs --releases URL --folder PATH    from elsewhere, to elsewhere
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    releases: { type: 'string', default: 'https://github.com/traefik/traefik/releases/download' },
    folder: { type: 'string', default: resolve(root, '.local/bin') },
  },
});

async function get(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} was answered with ${response.status}.`);
  return Buffer.from(await response.arrayBuffer());
}

async function run() {
  const compose = readFileSync(resolve(root, 'infra/compose.sla.yaml'), 'utf8');
  const [, version] = /image: traefik:(v[\d.]+)$/m.exec(compose) ?? [];
  const release = `${options.releases}/${version}/traefik_${version}`;
  const archive = `${process.platform}_${process.arch.replace('x64', 'amd64')}.tar.gz`;
  const [sums, packed] = await Promise.all([get(`${release}_checksums.txt`), get(`${release}_${archive}`)]);
  const sum = createHash('sha256').update(packed).digest('hex');
  if (!sums.toString().split('\n').includes(`${sum}  traefik_${version}_${archive}`))
    throw new Error(`traefik_${version}_${archive} is not the one that its release tells the sum of.`);
  mkdirSync(options.folder, { recursive: true });
  const { status, stderr } = spawnSync('tar', ['-xz', '-C', options.folder, 'traefik'], { input: packed });
  if (status !== 0) throw new Error(`tar could not unpack it: ${stderr}`);
  console.log(`Traefik ${version}: ${resolve(options.folder, 'traefik')}`);
}

run().catch((error) => {
  console.error(`✗ ${error.cause ? `${error.message}: ${error.cause.message}` : error.message}`);
  process.exitCode = 1;
});
