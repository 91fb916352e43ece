import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPool } from '@hbf/ballot-store/connection';
import { connectRedis, untilReady, within } from '@hbf/ballot-stream/connection';
import { FAULTS, pollsFile } from '@hbf/drills/clients/polls';
import { untilDrained } from '@hbf/drills/clients/settled';
import { createCleanup } from '@hbf/drills/system/cleanup';
import { docker } from '@hbf/drills/system/compose/docker';
import { createProject, type Project } from '@hbf/drills/system/compose/project';
import { saveLogs } from '@hbf/drills/system/compose/save-logs';
import { ROOT } from '@hbf/drills/system/project';
import { until } from '@hbf/drills/until';
import { freePort } from '@hbf/local-services/free-port';
import { removeAtEnd } from '@hbf/local-services/guardian';
import type { VotedOn } from '../../support/voting.ts';
import { inspectAll, run } from './containers.ts';
import { openTunnel } from './tunnel.ts';

/** Those that run as long as the system does. */
export const SERVICES = ['vote', 'worker', 'result', 'redis', 'limits', 'db'] as const;
export type Service = (typeof SERVICES)[number];
export const SOURCE_URL = 'https://source.example.org/humansbestfriend';
const APPS = ['vote', 'worker', 'result', 'crowd'] as const;

/** The release set-up in a project of its own: images, volumes, secrets and ports are nobody else's. */
export type Release = VotedOn & {
  readonly project: Project;
  /** What its Compose files take from the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly voteUrl: string;
  readonly resultUrl: string;
  /** What the images are tagged with. */
  readonly tag: string;
  readonly revision: string;
  container(service: Service): string;
  image(app: (typeof APPS)[number]): string;
  /** By the name of the secret's file. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Builds the images. */
  build(): Promise<void>;
  /**
   * Starts everything, or besides the system those services that are named; resolves when it is healthy, ballots can be
   * cast and the tally is live.
   */
  up(...args: string[]): Promise<void>;
  /** Ends everything, but keeps the data. */
  down(): Promise<void>;
  /** Where a store is reached with the password of a user, whose secret is named: by way of a tunnel. */
  storeUrl(secret: string): string;
  saveLogs(folder: string): Promise<void>;
  /** Ends everything, and deletes data, images and secrets. */
  close(): Promise<void>;
};

const POLLS = pollsFile([
  {
    key: 'best-friend',
    question: 'Cats or dogs?',
    options: ['a', 'b'],
    eligibility: 'browser',
    choices: { min: 1, max: 1 },
  },
  FAULTS,
]);

/**
 * @param options.without secrets that are missing, by name.
 * @param options.overlays Compose files that are laid over compose.release.yaml.
 * @param options.env what the Compose files take from the environment beyond what every test needs.
 */
export async function createRelease(
  options: { without?: readonly string[]; overlays?: readonly string[]; env?: Record<string, string> } = {},
): Promise<Release> {
  const cleanup = createCleanup();
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'hbf-release-'));
  removeAtEnd(folder);
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
  const polls = join(folder, 'polls.yaml');
  writeFileSync(polls, POLLS);
  const secretsFolder = join(folder, 'secrets');
  execFileSync(process.execPath, [join(ROOT, 'scripts/secrets.mjs')], {
    env: { ...process.env, SECRETS_DIR: secretsFolder },
  });
  for (const name of options.without ?? []) rmSync(join(secretsFolder, name));
  const secrets = new Map(
    readdirSync(secretsFolder).map((name) => [
      name,
      readFileSync(join(secretsFolder, name), 'utf8').trimEnd(),
    ]),
  );
  const [votePort, resultPort] = [await freePort(), await freePort()];
  const images = 'humansbestfriend-compose-test';
  const tag = `t${randomBytes(4).toString('hex')}`;
  const revision = randomBytes(20).toString('hex');
  const env = {
    IMAGES: images,
    TAG: tag,
    REVISION: revision,
    SOURCE: SOURCE_URL,
    SECRETS_DIR: secretsFolder,
    POLLS_FILE: polls,
    VOTE_PORT: String(votePort),
    RESULT_PORT: String(resultPort),
    // Not those of a file .env beside the Compose file.
    PUBLIC_VOTE_URL: '',
    PUBLIC_RESULT_URL: '',
    TRUST_PROXY: '',
    LOG_LEVEL: 'info',
    LIMIT_VOTER_PER_MINUTE: '',
    LIMIT_VOTER_PER_HOUR: '',
    LIMIT_ADDRESS_PER_MINUTE: '',
    LIMIT_ADDRESS_PER_HOUR: '',
    SOCKETS_MAX: '',
    // All of the tests are one network.
    SOCKETS_PER_NETWORK: '1500',
    REDIS_MAXMEMORY: '72mb',
    REDIS_MEMORY: '176M',
    ...options.env,
  };
  const project = createProject({
    prefix: 'hbf-release',
    files: ['compose.release.yaml', ...(options.overlays ?? [])].map((path) => join(ROOT, path)),
    env,
  });
  const image = (app: string) => `${images}/${app}:${tag}`;
  cleanup.add(async () => {
    const there = await docker(['image', 'ls', '--quiet', '--filter', `reference=${images}/*:${tag}`]);
    // --no-prune: the layers are the cache of the next build.
    if (there) await docker(['image', 'rm', '--no-prune', ...APPS.map(image)]);
  });
  cleanup.add(project.close);

  const container = (service: Service) => `${project.name}-${service}-1`;
  const redisTunnel = await openTunnel(container('redis'), 6379);
  cleanup.add(redisTunnel.close);
  const postgresTunnel = await openTunnel(container('db'), 5432);
  cleanup.add(postgresTunnel.close);
  const storeUrl = (secret: string) => {
    const url = new URL(URLS[secret]?.(secrets.get(secret)!) ?? secrets.get(secret)!);
    url.hostname = '127.0.0.1';
    url.port = String(url.protocol === 'redis:' ? redisTunnel.port : postgresTunnel.port);
    return url.href;
  };
  const pool = createPool(storeUrl('database_url_worker'), 'hbf-tests', { max: 2, timeoutMs: 10_000 });
  cleanup.add(() => pool.end());
  const voteUrl = `http://127.0.0.1:${votePort}`;
  const resultUrl = `http://127.0.0.1:${resultPort}`;
  const replica = (app: 'vote' | 'worker' | 'result', url?: string) => ({
    app,
    name: app,
    running: true,
    ...(url === undefined ? {} : { url }),
    metrics: () => run(container(app), 'node', '-e', PRINT_METRICS),
  });

  const release: Release = {
    project,
    env,
    voteUrl,
    resultUrl,
    tag,
    revision,
    container,
    image,
    secrets,
    // Voters of the tests are no robots, though they all come from one address.
    headers: { 'crowd-key': secrets.get('crowd_key')! },
    replicas: [replica('vote', voteUrl), replica('result', resultUrl), replica('worker')],
    postgres: { query: async (text, values) => (await pool.query(text, values)).rows },
    redis: {
      async command(name, ...args) {
        const client = connectRedis(storeUrl('redis_url_worker'), () => {});
        try {
          await untilReady(client, 5_000);
          return await within(5_000, client.call(name!, ...args), name!);
        } finally {
          client.disconnect();
        }
      },
    },
    // Whatever ended, Docker has restarted it: the tests count that.
    deaths: [],
    workerCommand: (...args) =>
      project.tryCompose('exec', '--no-TTY', 'worker', 'node', 'apps/worker/dist/main.js', ...args),
    untilDrained: () => untilDrained(release),
    storeUrl,
    build: async () => void (await project.compose('--profile', 'seed', 'build')),
    async up(...args) {
      await project.compose('up', '--detach', '--no-build', ...args);
      await until(
        'all containers are healthy, and the tally is live',
        async () => {
          const all = await inspectAll(project.name);
          const healthy = SERVICES.every((name) => all.get(name)?.State.Health?.Status === 'healthy');
          if (!healthy) return false;
          const tally = await fetch(`${resultUrl}/api/polls/${FAULTS.key}/tally`);
          const { status } = (await tally.json()) as { status: string };
          return status === 'live' && (await fetch(`${voteUrl}/api/polls/${FAULTS.key}`)).ok;
        },
        120_000,
        250,
      );
    },
    down: async () => void (await project.compose('--profile', 'seed', 'down')),
    saveLogs: (target) =>
      saveLogs(
        target,
        [...SERVICES, 'migrate', 'seed'].map((name) => ({ name, container: `${project.name}-${name}-1` })),
      ),
    close: cleanup.run,
  };
  return release;
}

/** Of secrets that hold a password and no URL. */
const URLS: Record<string, (secret: string) => string> = {
  postgres_exporter_password: (password) => `postgres://exporter:${password}@db:5432/hbf`,
  redis_exporter_passwords: (text) => {
    const [[address, password]] = Object.entries(JSON.parse(text) as Record<string, string>) as [
      [string, string],
    ];
    return address.replace('@', `:${password}@`);
  },
};

const PRINT_METRICS = `
  fetch('http://127.0.0.1:' + process.env.METRICS_PORT + '/metrics')
    .then((response) => response.text())
    .then((text) => process.stdout.write(text))`;
