import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkPorts } from './check-ports.ts';
import { findRedis } from './find-redis.ts';
import { generatedSecrets } from './generated-secrets.ts';
import { networkAddresses } from './network-addresses.ts';
import { startOwnStore } from './own-store.ts';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';
import { Run, Stopped, type Terminal } from './run.ts';
import { takeRunLock } from './run-lock.ts';
import { type ServiceSpec, startService } from './service.ts';
import { type SetUpSpec, setUp } from './set-up.ts';
import { onStopRequest } from './stop-requests.ts';

/** What runs on one machine: two stores, a program that prepares them, and the services. */
export interface SystemSpec {
  /** Where the programs are started. */
  root: string;
  /** Where data, keys and logs are kept. */
  stateDir: string;
  /** With DATABASE_URL or REDIS_URL in it, that store is not started here. */
  env: NodeJS.ProcessEnv;
  /** The name of the database in our own PostgreSQL. */
  database: string;
  /** Environment variables that get a generated key, unless they are set. */
  keys: readonly string[];
  setUp: SetUpSpec;
  services: readonly ServiceSpec[];
  /** Printed at the end, with each address of this machine. */
  pages: readonly { label: string; port: number }[];
}

async function ownRedis(run: Run, { stateDir }: SystemSpec): Promise<string> {
  const { command } = await findRedis(run.terminal.say);
  const redis = await startOwnStore(run, {
    name: 'Redis',
    logPath: join(stateDir, 'logs', 'redis.log'),
    signals: { end: 'SIGTERM', hurry: 'SIGKILL' },
    start: (onLog) => startRedis({ dataDir: join(stateDir, 'redis'), command, onLog }),
  });
  return redis.url;
}

async function ownPostgres(run: Run, { stateDir, database }: SystemSpec, password: string): Promise<string> {
  const postgres = await startOwnStore(run, {
    name: 'PostgreSQL',
    logPath: join(stateDir, 'logs', 'postgres.log'),
    signals: { end: 'SIGINT', hurry: 'SIGQUIT' },
    start: (onLog) => startPostgres({ dataDir: join(stateDir, 'postgres'), password, onLog }),
  });
  await postgres.createDatabase(database).catch((error: { code?: string }) => {
    const alreadyThere = '42P04';
    if (error.code !== alreadyThere) throw error;
  });
  return postgres.urlOf(database);
}

/** For other programs that are run by hand: `node --env-file=.local/environment …`. */
function writeEnvironment(path: string, values: Record<string, string>): void {
  const text = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, text.join(''), { mode: 0o600 });
}

function tellPages({ pages }: SystemSpec, terminal: Terminal): void {
  const width = Math.max(...pages.map(({ label }) => label.length));
  terminal.say('');
  for (const { label, port } of pages) {
    const hosts = ['localhost', ...networkAddresses()];
    hosts.forEach((host, index) => {
      terminal.say(`  ${(index === 0 ? label : '').padEnd(width)}  http://${host}:${port}`);
    });
  }
  terminal.say('');
  terminal.say('  Ctrl-C stops everything; the data is kept.');
}

async function startAll(run: Run, spec: SystemSpec): Promise<void> {
  const { root, stateDir, env, services } = spec;
  const { step } = run.terminal;
  await step('Checking the ports', () => checkPorts(services));
  const databaseSecret = 'POSTGRES_PASSWORD';
  const secrets = generatedSecrets(join(stateDir, 'secrets.json'), [...spec.keys, databaseSecret]);
  const stores: Record<string, string> = {};
  stores.REDIS_URL = env.REDIS_URL || (await step('Starting Redis', () => ownRedis(run, spec)));
  stores.DATABASE_URL =
    env.DATABASE_URL ||
    (await step('Starting PostgreSQL', () => ownPostgres(run, spec, secrets[databaseSecret] ?? '')));
  for (const name of spec.keys) {
    if (!env[name] && !env[`${name}_FILE`]) stores[name] = secrets[name] ?? '';
  }
  writeEnvironment(join(stateDir, 'environment'), stores);
  // What result names to phones where the page was opened as localhost.
  const [address] = networkAddresses();
  const programEnv = { ...(address && { NETWORK_ADDRESS: address }), ...env, ...stores };
  const warnings = await step('Preparing the database', () => setUp(run, spec.setUp, root, programEnv));
  for (const line of warnings) run.terminal.say(`!! ${line}`);
  const starts: (() => Promise<void>)[] = [];
  for (const service of services) {
    const logPath = join(stateDir, 'logs', `${service.name}.log`);
    starts.push(await startService(run, service, { cwd: root, env: programEnv, logPath }));
  }
  for (const [index, ready] of starts.entries()) {
    await step(`Starting ${services[index]?.name}`, ready);
  }
}

/**
 * Runs the whole system until it is told to stop (SIGINT, SIGTERM, SIGHUP, npm gone), then stops it in
 * reverse. Resolves with the exit code: 0 after a stop that was asked for, 1 when something failed, which the
 * terminal was told.
 */
export async function runSystem(spec: SystemSpec, terminal: Terminal): Promise<number> {
  mkdirSync(spec.stateDir, { recursive: true });
  const lock = await takeRunLock(join(spec.stateDir, 'running.json'), terminal.say);
  const run = new Run(terminal, lock);
  const stopped = new Promise<void>((resolve) => run.stopping.addEventListener('abort', () => resolve()));
  const unlisten = onStopRequest(
    (why) => {
      terminal.say(`\nStopping (${why})`);
      run.requestStop();
    },
    () => run.hurry(),
    spec.env.npm_lifecycle_event !== undefined,
  );
  let code = 0;
  try {
    await startAll(run, spec);
    tellPages(spec, terminal);
    await run.until(stopped);
  } catch (error) {
    if (!(error instanceof Stopped)) {
      code = 1;
      terminal.say(`\n✗ ${(error as Error).message}`);
    }
  }
  await run.end();
  lock.release();
  unlisten();
  terminal.say(code === 0 ? 'Stopped.' : 'Everything was stopped.');
  return code;
}
