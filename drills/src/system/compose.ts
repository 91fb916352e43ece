import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@hbf/local-services/free-port';
import { removeAtEnd } from '@hbf/local-services/guardian';
import { type Cleanup, createCleanup } from './cleanup.ts';
import { requireDocker } from './compose/docker.ts';
import { watchEndings } from './compose/endings.ts';
import { buildImages } from './compose/images.ts';
import { lacksInContainers } from './compose/lacks.ts';
import { setUpLinks } from './compose/links.ts';
import { createPostgresPart } from './compose/postgres.ts';
import { createProject } from './compose/project.ts';
import { createRedisPart } from './compose/redis.ts';
import { createReplicas } from './compose/replicas.ts';
import { saveLogs } from './compose/save-logs.ts';
import { ROOT } from './project.ts';
import type { AppName, System, SystemOptions } from './system.ts';

const newKey = () => `k1:${randomBytes(32).toString('hex')}`;
const sayOnStderr = (line: string) => void process.stderr.write(`${line}\n`);

/**
 * Starts a system of compose.yaml's containers in a project of its own, with new volumes; resolves when all replicas
 * are ready. All of it is removed with this process, however that ends.
 *
 * @throws with what to do where there is no Docker.
 */
export async function createComposeSystem(options: SystemOptions, say = sayOnStderr): Promise<System> {
  if (options.build !== undefined) throw new Error('in containers, the images are run and no other build');
  await requireDocker('or run the drills without --compose');
  const cleanup = createCleanup();
  const start = { failed: false };
  try {
    return await assemble(options, say, cleanup, start);
  } catch (error) {
    start.failed = true;
    await cleanup.run().catch(() => {});
    throw error;
  }
}

async function assemble(
  options: SystemOptions,
  say: (line: string) => void,
  cleanup: Cleanup,
  start: { failed: boolean },
): Promise<System> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'hbf-compose-'));
  removeAtEnd(folder);
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
  const pollsFile = join(folder, 'polls.yaml');
  writeFileSync(pollsFile, options.polls);

  const prepared = options.prepare ?? [];
  const smallDisk = prepared.includes('full-disk');
  const password = randomBytes(16).toString('hex');
  const redisPort = await freePort();
  let postgresPort = await freePort();
  while (postgresPort === redisPort) postgresPort = await freePort();
  const overlays = join(ROOT, 'infra/docker');
  const project = createProject({
    prefix: 'hbf-drill',
    files: [
      join(ROOT, 'compose.yaml'),
      join(overlays, 'compose.drills.yaml'),
      ...(smallDisk ? [join(overlays, 'compose.drills-small-disk.yaml')] : []),
    ],
    env: {
      VOTER_KEYS: newKey(),
      RECEIPT_KEYS: newKey(),
      POSTGRES_PASSWORD: password,
      LOG_LEVEL: 'info',
      // Not those of a file .env beside compose.yaml.
      PUBLIC_VOTE_URL: '',
      PUBLIC_RESULT_URL: '',
      TRUST_PROXY: '',
      DRILL_POLLS_FILE: pollsFile,
      DRILL_REDIS_PORT: String(redisPort),
      DRILL_POSTGRES_PORT: String(postgresPort),
      DRILL_REDIS_SETTINGS: Object.entries(options.redisSettings ?? {})
        .map(([name, value]) => `--${name} '${value}'`)
        .join(' '),
    },
  });
  cleanup.add(project.close);
  cleanup.add(async () => {
    if (!start.failed || options.logsTo === undefined) return;
    const { output } = await project.tryCompose('logs', '--no-color', '--timestamps');
    mkdirSync(options.logsTo, { recursive: true });
    writeFileSync(join(options.logsTo, 'compose.log'), `${output}\n`);
  });
  await buildImages(project, say);
  const endings = watchEndings(project.name);
  cleanup.add(endings.close);

  const redis = createRedisPart({ project, endings, port: redisPort });
  const postgres = createPostgresPart({ project, endings, port: postgresPort, password, smallDisk });
  cleanup.add(postgres.close);
  const up = project.compose('up', '--detach', '--wait', ...(smallDisk ? ['db-disk'] : []), 'redis', 'db');
  await Promise.all([redis.launch(up), postgres.launch(up)]);

  const env = options.env ?? {};
  const flags = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  // By the service migrate, which has the polls file and needs no port.
  const workerCommand = (...args: string[]) =>
    project.tryCompose(
      ...['run', '--rm', '--no-deps', '--no-TTY', ...flags],
      ...['migrate', 'node', 'apps/worker/dist/main.js', ...args],
    );
  const applyPolls = (text: string) => {
    writeFileSync(pollsFile, text);
    return workerCommand('migrate');
  };
  const { code, output } = await applyPolls(options.polls);
  if (code !== 0) throw new Error(`migrate failed (${code}):\n${output}`);

  const links = await setUpLinks({
    project,
    wanted: prepared,
    stores: { redisPort, postgresPort, password },
    cleanup,
  });
  const { names, ...replicas } = await createReplicas({
    project,
    endings,
    envOf: (app) => ({ ...links.envOf(app), ...env }),
    expose: links.expose,
  });
  const wanted: [AppName, number][] = [
    ['vote', options.votes ?? 1],
    ['worker', options.workers ?? 2],
    ['result', options.results ?? 1],
  ];
  for (const [app, count] of wanted) for (let i = 0; i < count; i++) await replicas.add(app);
  await Promise.all(replicas.replicas.map((replica) => replica.untilReady()));

  const lacks: System['lacks'] = (ability) => lacksInContainers(ability, prepared, links.noDetour);
  return {
    on: 'compose',
    lacks,
    ...replicas,
    redis,
    postgres,
    link(name) {
      const link = links.get(name);
      const why = lacks(`link-${name}`);
      if (!link || why !== undefined) throw new Error(why);
      return link;
    },
    async stepClock() {
      throw new Error(lacks('clocks'));
    },
    applyPolls,
    workerCommand,
    saveLogs: (target) =>
      saveLogs(target, [
        { name: 'redis', container: `${project.name}-redis-1` },
        { name: 'postgres', container: `${project.name}-db-1` },
        ...names.map((name) => ({ name, container: `${project.name}-${name}` })),
      ]),
    close: cleanup.run,
  };
}
