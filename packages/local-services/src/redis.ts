import { mkdir, realpath } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { findRedis } from './find-redis.ts';
import { freePort } from './free-port.ts';
import { type ExitListener, isFatal, ManagedProcess } from './managed-process.ts';
import { assertPortFree } from './port-holder.ts';

export interface RedisOptions {
  /** Where its files live; created when missing. */
  dataDir: string;
  /** Omitted or 0: a free one. */
  port?: number | undefined;
  /** Directives of redis.conf, over the durable ones that are set here. */
  settings?: Record<string, string> | undefined;
  /** The server's program; omitted: found as find-redis.ts says. */
  command?: string | undefined;
  /** The environment of the server; omitted: ours. */
  env?: NodeJS.ProcessEnv | undefined;
  onLog?: ((line: string) => void) | undefined;
}

/** A Redis of our own at 127.0.0.1. */
export interface LocalRedis {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** Throws when it does not run. */
  readonly pid: number;
  readonly running: boolean;
  /** Ends it cleanly. No error when it does not run. */
  stop(): Promise<void>;
  /** Sends a signal. Resolves when Redis is gone; at once for one that does not end it, as SIGSTOP. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again, same port, same data. Resolves when it answers and has loaded its data. */
  start(): Promise<void>;
  /** Calls `listener` at each end of the process; returns the function that takes it off again. */
  onExit: (listener: ExitListener) => () => void;
}

/** Accepted ballots live here until they are recorded: each write is on disk before it is confirmed. */
const DURABLE = {
  appendonly: 'yes',
  appendfsync: 'always',
  'maxmemory-policy': 'noeviction',
  bind: '127.0.0.1',
  save: '',
  'protected-mode': 'yes',
  daemonize: 'no',
  // Otherwise it overwrites its environment with its title, and with it the guardian's mark.
  'set-proc-title': 'no',
};

const READY_TIMEOUT_MS = 60_000;

/** Asks for PONG: neither a refused connection nor "-LOADING" will do. A password asked for is an answer. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1000 });
    const end = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => end(/^(\+PONG|-NOAUTH)/.test(data.toString())));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

/**
 * Starts a durable Redis in a process of its own, which ends with this one. Throws when the port is taken
 * or when it does not come up.
 */
export async function startRedis(options: RedisOptions): Promise<LocalRedis> {
  const command = options.command ?? (await findRedis()).command;
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const port = options.port || (await freePort());
  const settings: Record<string, string> = {
    ...DURABLE,
    ...options.settings,
    port: String(port),
    dir: dataDir,
  };
  const server = new ManagedProcess({
    name: 'Redis',
    command,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    cwd: dataDir,
    env: options.env,
    endSignal: 'SIGTERM',
    onLog: options.onLog,
  });
  const start = async () => {
    if (!server.running) await assertPortFree(port, 'Redis');
    await server.launchUntil(() => answers(port), READY_TIMEOUT_MS);
  };
  await start();
  const password = settings.requirepass ? `:${encodeURIComponent(settings.requirepass)}@` : '';
  return {
    url: `redis://${password}127.0.0.1:${port}`,
    port,
    dataDir,
    get pid() {
      return server.pid;
    },
    get running() {
      return server.running;
    },
    stop: () => server.end(),
    async kill(signal) {
      server.signal(signal);
      if (isFatal(signal)) await server.gone();
    },
    start,
    onExit: (listener) => server.onExit(listener),
  };
}
