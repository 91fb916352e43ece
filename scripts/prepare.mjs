/** What every script does first: the right Node, the packages, the build. Each only where it is missing. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pnpm, root } from './pnpm.mjs';
import { step } from './terminal.mjs';

const OLDEST_NODE = [20, 19];
/** Inside node_modules, so that whoever deletes that deletes these too. */
const STAMPS = join(root, 'node_modules', '.cache', 'hbf');
/** What a build reads, in each package. */
const SOURCES = [
  'src',
  'browser',
  'views',
  'public',
  'migrations',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Ends the process with a clear message when this Node is too old. */
export function checkNode(exitCode = 1) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  console.error(`This needs Node ${OLDEST_NODE.join('.')} or newer; this is Node ${process.versions.node}.`);
  console.error('Get a newer one from https://nodejs.org, or with nvm: nvm install 24');
  process.exit(exitCode);
}

function readStamp(name) {
  try {
    return readFileSync(join(STAMPS, name), 'utf8');
  } catch {
    return undefined;
  }
}

function writeStamp(name, value) {
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(join(STAMPS, name), value);
}

/** Adds a file, or all the files below a folder, to a hash; what is missing adds nothing. */
function addToHash(hash, path) {
  let entries;
  try {
    entries = readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (error.code === 'ENOTDIR') hash.update(`${path}\0`).update(readFileSync(path));
    return;
  }
  for (const entry of entries) addToHash(hash, join(path, entry.name));
}

/** The folders of our own packages that are built. */
function builtPackages() {
  const grouped = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(root, group, name)),
  );
  return [...grouped, join(root, 'drills')].filter((folder) =>
    existsSync(join(folder, 'tsconfig.build.json')),
  );
}

async function run(args, failure) {
  const { code, output } = await pnpm(args);
  if (code !== 0) throw new Error(`${failure}:\n${output.trim().split('\n').slice(-40).join('\n')}`);
}

/** Installs the packages as the lockfile says, unless that was done for this lockfile and this Node. */
export async function install() {
  const hash = createHash('sha256').update(
    `${process.platform} ${process.arch} ${process.versions.modules}\0`,
  );
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    addToHash(hash, join(root, file));
  for (const folder of builtPackages()) addToHash(hash, join(folder, 'package.json'));
  const wanted = hash.digest('hex');
  if (readStamp('install') === wanted) return;
  await step('Installing the packages (the first time takes a minute)', () =>
    // The lockfile's hashes settle what is installed. That its versions are old enough is checked where it changes, by
    // pnpm, and by `npm run audit`: done here too, a start without the registry's details, or offline, would fail.
    // Without a terminal pnpm would ask nobody whether it may replace what another version has installed.
    run(
      ['install', '--frozen-lockfile', '--trust-lockfile', '--config.confirmModulesPurge=false'],
      'The packages could not be installed',
    ),
  );
  writeStamp('install', wanted);
}

/** Builds all packages, unless nothing has changed since the last time. */
export async function build() {
  const hash = createHash('sha256');
  for (const file of ['tsconfig.base.json', 'turbo.json', 'pnpm-lock.yaml'])
    addToHash(hash, join(root, file));
  const packages = builtPackages();
  for (const folder of packages) for (const source of SOURCES) addToHash(hash, join(folder, source));
  const wanted = hash.digest('hex');
  if (readStamp('build') === wanted && packages.every((folder) => existsSync(join(folder, 'dist')))) return;
  await step('Building', () =>
    run(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only'], 'The build failed'),
  );
  writeStamp('build', wanted);
}

/** The steps that every script begins with. */
export async function prepare() {
  checkNode();
  await install();
  await build();
}
