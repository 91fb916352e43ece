import { docker, tryDocker } from '@hbf/drills/system/compose/docker';
import { until } from '@hbf/drills/until';
import { expect } from 'vitest';

/** What `docker inspect` tells of a container, as far as the tests look at it. */
export type Inspected = {
  Name: string;
  RestartCount: number;
  State: {
    Running: boolean;
    StartedAt: string;
    /** Whether the kernel ended it for want of memory, the last time that it ended. */
    OOMKilled: boolean;
    /** With the last checks, the newest last. */
    Health?: { Status: string; Log: { Start: string; ExitCode: number }[] };
  };
  Path: string;
  Args: string[];
  Config: {
    Image: string;
    User: string;
    Env: string[];
    Labels: Record<string, string>;
    Healthcheck?: { Test?: string[] };
  };
  HostConfig: {
    ReadonlyRootfs: boolean;
    CapDrop: string[] | null;
    CapAdd: string[] | null;
    SecurityOpt: string[] | null;
    Privileged: boolean;
    Memory: number;
    PidsLimit: number | null;
    PortBindings: Record<string, unknown> | null;
    LogConfig: { Type: string; Config: Record<string, string> };
    RestartPolicy: { Name: string };
  };
  Mounts: { Type: string; Source: string; Destination: string; RW: boolean }[];
};

export async function inspect(container: string): Promise<Inspected> {
  return JSON.parse(await docker(['inspect', container]))[0];
}

/** Of all containers of a project, by service. */
export async function inspectAll(project: string): Promise<Map<string, Inspected>> {
  const ids = await docker([
    'ps',
    '--all',
    '--quiet',
    `--filter=label=com.docker.compose.project=${project}`,
  ]);
  const all = await Promise.all(ids.split('\n').filter(Boolean).map(inspect));
  return new Map(all.map((each) => [each.Config.Labels['com.docker.compose.service']!, each]));
}

/** Runs a command in a container, as its own user. @returns what it printed. @throws when it fails. */
export function run(container: string, ...command: string[]): Promise<string> {
  return docker(['exec', container, ...command]);
}

const RESTARTED_WITHIN_MS = 60_000;

/**
 * SIGKILL to everything in a container but its init, which then ends too: so Docker sees a container that died by itself,
 * and it is the restart policy that brings it back. After `docker kill` it would not.
 * Resolves when it is back and healthy.
 */
export async function crash(container: string): Promise<void> {
  const before = await inspect(container);
  // The shell itself ends with the container that it kills, with this code or that.
  const { output } = await tryDocker(['exec', container, 'sh', '-c', 'kill -9 -1']);
  expect(output).toBe('');
  let last = before;
  await until(
    () => `${container} was restarted and is healthy: ${JSON.stringify([last.RestartCount, last.State])}`,
    async () => {
      last = await inspect(container);
      return last.RestartCount > before.RestartCount && last.State.Health?.Status === 'healthy';
    },
    RESTARTED_WITHIN_MS,
    100,
  );
}
