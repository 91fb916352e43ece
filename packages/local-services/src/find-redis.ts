import { execFileSync } from 'node:child_process';
import { aptInstall, canInstall } from './apt.ts';
import { findCommand } from './find-command.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];
const OLDEST_MAJOR = 7;

const WAYS = `No Redis ${OLDEST_MAJOR}.0 or newer was found, and none could be installed. Any one of these helps:
  - install redis-server or valkey-server so that it is on the PATH
    (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis)
  - set REDIS_URL to a Redis that runs with appendonly yes and appendfsync always
  - use Docker instead: docker compose up`;

/** The major version that a server's program tells; 0 when it tells none. */
function majorVersion(command: string): number {
  try {
    const text = execFileSync(command, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(/v=(\d+)\./.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function findOnPath(env: NodeJS.ProcessEnv): string | undefined {
  return PROGRAMS.map((name) => findCommand([name], env)).find(
    (command) => command !== undefined && majorVersion(command) >= OLDEST_MAJOR,
  );
}

/**
 * Finds the program of a Redis server: on the PATH; else, as root on Debian or Ubuntu, installed with
 * apt-get; else compiled by redis-memory-server, which takes minutes and a C compiler. `say` gets a line
 * before anything is installed. Throws, naming the ways out, when there is none to be had.
 *
 * REDIS_URL comes first of all, but is the caller's matter: with it there is nothing to start.
 */
export async function findRedis(
  say: (line: string) => void = console.error,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ command: string }> {
  const found = findOnPath(env);
  if (found) return { command: found };
  if (env.HBF_NO_INSTALL === '1')
    throw new Error(`${WAYS}\nNothing was installed, as HBF_NO_INSTALL=1 asks.`);
  const failures: string[] = [];
  if (canInstall(env)) {
    try {
      aptInstall(['redis-server'], say);
      const installed = findOnPath(env);
      if (installed) return { command: installed };
      failures.push(`apt-get: the redis-server of this system is older than ${OLDEST_MAJOR}.0`);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  try {
    say(
      'Compiling a Redis with redis-memory-server; this takes some minutes (HBF_NO_INSTALL=1 refuses this)',
    );
    const { RedisBinary } = await import('redis-memory-server');
    return { command: await RedisBinary.getPath({}) };
  } catch (error) {
    failures.push(`redis-memory-server: ${(error as Error).message}`);
  }
  throw new Error(`${WAYS}\nWhat was tried:\n  - ${failures.join('\n  - ')}`);
}
