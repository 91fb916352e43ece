import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, release, totalmem, type } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { findRedis } from '@hbf/local-services/find-redis';
import { findPostgres } from '@hbf/local-services/postgres-programs';
import { ROOT } from '../system/project.ts';

/** What a run's figures are of, in words for a document: of which commit, when, and on what machine. */
export async function provenance(options: {
  compose: boolean;
  seed: string;
  /** The document that the tables are put into. */
  document: string;
}): Promise<string> {
  const today = new Date().toISOString().slice(0, 10);
  const stores = options.compose ? storesInContainers() : await localStores();
  const machine = [
    `${availableParallelism()} cores`,
    `${(memory() / 2 ** 30).toFixed(1)} GiB`,
    operatingSystem(),
    `Node ${process.versions.node}${options.compose ? ' for the voters' : ''}`,
    ...stores,
  ];
  return `\`SEED=${options.seed}\`, on ${today}, of ${commit(options.document)}. On ${machine.join(', ')}.`;
}

/** What a program prints, or nothing if there is none. */
function output(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** Changes of the document itself are not counted: the run before this one may have put its tables there. */
function commit(document: string): string {
  const hash = output('git', ['rev-parse', '--short', 'HEAD']);
  if (!hash) return 'an unknown commit';
  const changed = output('git', ['status', '--porcelain'])?.split('\n') ?? [];
  const others = changed.filter(
    (line) => line !== '' && !line.endsWith(` ${relative(ROOT, resolve(document))}`),
  );
  return `commit ${hash}${others.length === 0 ? '' : ' + changes'}`;
}

/** In bytes; a container may have less than its machine. */
function memory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function operatingSystem(): string {
  try {
    const name = /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    if (name) return name;
  } catch {
    // Not a Linux, or one without a name.
  }
  return `${type()} ${release()}`;
}

async function localStores(): Promise<string[]> {
  const redis = output((await findRedis()).command, ['--version']);
  const postgres = output((await findPostgres(undefined)).postgres, ['--version']);
  return [
    `${redis?.startsWith('Valkey') ? 'Valkey' : 'Redis'} ${/v=([\d.]+)/.exec(redis ?? '')?.[1] ?? 'of unknown version'}`,
    `PostgreSQL ${/\d[\d.]*/.exec(postgres ?? '')?.[0] ?? 'of unknown version'}`,
  ];
}

/** The images by their tags, as compose.yaml has them. */
function storesInContainers(): string[] {
  const compose = readFileSync(join(ROOT, 'compose.yaml'), 'utf8');
  return [...compose.matchAll(/^ +image: ((?:redis|postgres):\S+)$/gm)].map(([, image]) => `\`${image}\``);
}
