import { cpSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createCleanup } from '@hbf/drills/system/cleanup';
import { docker } from '@hbf/drills/system/compose/docker';
import { createProject, type Project } from '@hbf/drills/system/compose/project';
import { ROOT } from '@hbf/drills/system/project';
import { freePort } from '@hbf/local-services/free-port';
import { removeAtEnd } from '@hbf/local-services/guardian';
import { type Inspected, inspectAll } from './containers.ts';

/** compose.yaml on a copy of the checkout, in a project of its own with ports of its own. */
export type Development = {
  readonly project: Project;
  readonly voteUrl: string;
  readonly resultUrl: string;
  /** Where the edge of the profile sla tells what it counted. */
  readonly edgeTarget: string;
  /** Where the debugger of each app is to be reached. */
  readonly debuggers: Record<'result' | 'vote' | 'worker', string>;
  /** Replaces a text in a file of the copy, as an editor does that writes another file and renames it. */
  edit(file: string, find: string, replace: string): void;
  /** Takes back all edits of a file. */
  restore(file: string): void;
  /** Starts everything; resolves when it answers. */
  up(...args: string[]): Promise<void>;
  /** What a service has said since it was created. */
  log(service: string): Promise<string>;
  containers(): Promise<Map<string, Inspected>>;
  removeVolume(name: 'redis-data' | 'db-data'): Promise<void>;
  /** The volumes of the project. */
  volumes(): Promise<string[]>;
  /** Ends everything, and deletes data, images and the copy. */
  close(): Promise<void>;
};

/** Installed, built or generated: a checkout that was only cloned has none of them. */
const NOT_CLONED = [
  '.docker-data',
  '.git',
  '.local',
  '.pnpm-store',
  '.turbo',
  'dist',
  'node_modules',
  'secrets',
  'test-results',
];

export async function createDevelopment(): Promise<Development> {
  const cleanup = createCleanup();
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'hbf-development-'));
  removeAtEnd(folder);
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
  const copy = join(folder, 'checkout');
  cpSync(ROOT, copy, { recursive: true, filter: (path) => !NOT_CLONED.includes(basename(path)) });

  const ports = new Set<number>();
  while (ports.size < 7) ports.add(await freePort());
  const [vote, result, resultDebug, voteDebug, workerDebug, edge, edgeHttp] = [...ports];
  const env = {
    VOTE_PORT: String(vote),
    RESULT_PORT: String(result),
    RESULT_DEBUG_PORT: String(resultDebug),
    VOTE_DEBUG_PORT: String(voteDebug),
    WORKER_DEBUG_PORT: String(workerDebug),
    EDGE_DASHBOARD_PORT: String(edge),
    EDGE_HTTP_PORT: String(edgeHttp),
    NO_COLOR: '1',
    // Not those of a file .env beside compose.yaml.
    LOG_LEVEL: 'info',
    PUBLIC_VOTE_URL: '',
    PUBLIC_RESULT_URL: '',
    TRUST_PROXY: '',
    DOMAIN: '',
    ACME_EMAIL: '',
    MONITORING_HOST: '',
  };
  const file = join(copy, 'compose.yaml');
  const project = createProject({ prefix: 'hbf-development', files: [file], env });
  cleanup.add(async () => {
    const images = await docker(['image', 'ls', '--quiet', `--filter=reference=${project.name}-*`]);
    const ids = new Set(images.split('\n').filter(Boolean));
    if (ids.size > 0) await docker(['image', 'rm', '--force', ...ids]);
  });
  cleanup.add(project.close);
  const label = `--filter=label=com.docker.compose.project=${project.name}`;

  const write = (path: string, text: string) => {
    const target = join(copy, path);
    writeFileSync(`${target}~`, text);
    renameSync(`${target}~`, target);
  };
  return {
    project,
    voteUrl: `http://127.0.0.1:${vote}`,
    resultUrl: `http://127.0.0.1:${result}`,
    edgeTarget: `127.0.0.1:${edge}`,
    debuggers: {
      result: `http://127.0.0.1:${resultDebug}`,
      vote: `http://127.0.0.1:${voteDebug}`,
      worker: `http://127.0.0.1:${workerDebug}`,
    },
    edit(path, find, replace) {
      const text = readFileSync(join(copy, path), 'utf8');
      if (!text.includes(find)) throw new Error(`${path} does not contain ${find}`);
      write(
        path,
        text.replace(find, () => replace),
      );
    },
    restore: (path) => write(path, readFileSync(join(ROOT, path), 'utf8')),
    up: async (...args) => void (await project.compose('up', '--detach', ...args)),
    async log(service) {
      const { output } = await project.tryCompose('logs', '--no-color', '--no-log-prefix', service);
      // Compose erases a line of the terminal before each that it prints, even where there is none.
      return output.replaceAll('\u001b[2K', '');
    },
    containers: () => inspectAll(project.name),
    removeVolume: async (name) => void (await docker(['volume', 'rm', `${project.name}_${name}`])),
    volumes: async () => (await docker(['volume', 'ls', '--quiet', label])).split('\n').filter(Boolean),
    close: cleanup.run,
  };
}
