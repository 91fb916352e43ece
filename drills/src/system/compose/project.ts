import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { ROOT } from '../project.ts';
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
  /** What compose.yaml and the files laid over it take from the environment. */
  env: Record<string, string>;
  smallDisk: boolean;
};

export function createProject(plan: ProjectPlan): Project {
  const name = `hbf-drill-${randomBytes(4).toString('hex')}`;
  const overlays = join(ROOT, 'infra/docker');
  const files = [
    join(ROOT, 'compose.yaml'),
    join(overlays, 'compose.drills.yaml'),
    ...(plan.smallDisk ? [join(overlays, 'compose.drills-small-disk.yaml')] : []),
  ];
  const prefix = ['compose', '--project-name', name, ...files.flatMap((file) => ['--file', file])];
  const env = { ...process.env, ...plan.env };
  const down = [...prefix, 'down', '--volumes', '--remove-orphans', '--timeout', '0'];
  const undertaker = spawnUndertaker(down, env);
  return {
    name,
    compose: (...args) => docker([...prefix, ...args], env),
    tryCompose: (...args) => tryDocker([...prefix, ...args], env),
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

let building: Promise<string> | undefined;

/** Builds the images, once for all systems of this process. */
export function buildImages(project: Project, say: (line: string) => void): Promise<string> {
  if (building === undefined) {
    say('docker compose build: the images are built once (the first time this takes minutes)');
    building = project.compose('build', 'vote', 'worker', 'result');
  }
  return building;
}
