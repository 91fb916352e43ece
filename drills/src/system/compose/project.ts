import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Writable } from 'node:stream';
import { type CommandResult, docker, tryDocker } from './docker.ts';

/** A Compose project of its own: nothing in it is shared with a system that runs on this machine. */
export type Project = {
  readonly name: string;
  /** Runs `docker compose …` for it. */
  compose(...args: string[]): Promise<string>;
  /** The same, where the exit code means something. */
  tryCompose(...args: string[]): Promise<CommandResult>;
  /** Removes every container, volume and network of it. */
  close(): Promise<void>;
};

export type ProjectPlan = {
  /** Stands before the project's name. */
  prefix: string;
  /** Paths of Compose files, each laid over those before. */
  files: readonly string[];
  /** What they take from the environment. */
  env: Record<string, string>;
};

/** All of it is removed with this process, however that ends. */
export function createProject({ prefix, files, env: own }: ProjectPlan): Project {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  const command = ['compose', '--project-name', name, ...files.flatMap((file) => ['--file', file])];
  const env = { ...process.env, ...own };
  // Those of profiles too.
  const down = [...command, '--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '0'];
  const undertaker = spawnUndertaker(down, env);
  return {
    name,
    compose: (...args) => docker([...command, ...args], env),
    tryCompose: (...args) => tryDocker([...command, ...args], env),
    async close() {
      await docker(down, env);
      undertaker.dismiss();
    },
  };
}

/**
 * Removes the project when this process ends without doing so, `kill -9` included: it waits at the end of a pipe that
 * the kernel closes then. Twice, since a command that was under way may start one more container meanwhile.
 */
function spawnUndertaker(down: readonly string[], env: NodeJS.ProcessEnv): { dismiss(): void } {
  const script = 'if read -r _; then exit; fi; docker "$@"; sleep 5; exec docker "$@"';
  const child: ChildProcess = spawn('sh', ['-c', script, 'sh', ...down], {
    cwd: '/',
    // In a session of its own: Ctrl-C must not reach it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env,
  });
  child.on('error', () => {});
  child.unref();
  const pipe = child.stdin as Writable & { unref(): void };
  pipe.on('error', () => {});
  pipe.unref();
  return { dismiss: () => void pipe.end('\n') };
}
