import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedis } from '@hbf/local-services/find-redis';
import { removeAtEnd } from '@hbf/local-services/guardian';
import { type Cleanup, createCleanup } from './cleanup.ts';
import { type PostgresPart, startPostgresPart } from './local-postgres.ts';
import { type RedisPart, startRedisPart } from './local-redis.ts';
import { createReplicas, type Replicas } from './local-replicas.ts';
import { setUpSurroundings } from './local-surroundings.ts';
import { openLogs } from './logs.ts';
import { ROOT } from './project.ts';
import type { AppName, System, SystemOptions } from './system.ts';
import { runWorkerCommand } from './worker-command.ts';

/** A system of processes of this machine. */
export type LocalSystem = Omit<System, 'replicas' | 'add' | 'remove' | 'deaths' | 'redis' | 'postgres'> &
  Omit<Replicas, 'close'> & {
    readonly redis: RedisPart;
    readonly postgres: PostgresPart;
    /** As workerCommand, with an environment on top. Without arguments it is the worker itself. */
    runWorker(
      args: readonly string[],
      env: Record<string, string>,
    ): Promise<{ code: number | null; output: string }>;
  };

const newKey = () => `k1:${randomBytes(32).toString('hex')}`;

/**
 * Starts a system of real processes on a real Redis and a real PostgreSQL with data of their own; resolves when all
 * replicas are ready. It ends with this process, however that ends.
 */
export async function createLocalSystem(options: SystemOptions): Promise<LocalSystem> {
  const cleanup = createCleanup();
  const start = { failed: false };
  try {
    return await assemble(options, cleanup, start);
  } catch (error) {
    start.failed = true;
    // What kept it from starting is told, and not what came of it.
    await cleanup.run().catch(() => {});
    throw error;
  }
}

async function assemble(
  options: SystemOptions,
  cleanup: Cleanup,
  start: { failed: boolean },
): Promise<LocalSystem> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'hbf-system-'));
  removeAtEnd(folder);
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
  // PostgreSQL may run as another user.
  chmodSync(folder, 0o755);
  const logs = openLogs(join(folder, 'logs'));
  cleanup.add(logs.close);
  // After all of its parts have ended: their last words are in it.
  cleanup.add(() => {
    if (start.failed && options.logsTo !== undefined) logs.saveTo(options.logsTo);
  });

  const { command } = await findRedis();
  const { links, clocks, disk, lacks } = setUpSurroundings(folder, command, options.prepare ?? [], cleanup);
  const redis = await startRedisPart({
    dataDir: join(folder, 'redis'),
    copyDir: join(folder, 'redis-copy'),
    command,
    starterFile: join(folder, 'start-redis'),
    settings: options.redisSettings,
    env: clocks?.envOf('redis') ?? {},
    onLog: logs.of('redis'),
  });
  cleanup.add(redis.close);
  const postgres = await startPostgresPart({
    dataDir: join(disk?.path ?? folder, 'postgres'),
    disk,
    env: clocks?.envOf('postgres') ?? {},
    onLog: logs.of('postgres'),
  });
  cleanup.add(postgres.close);

  const pollsFile = join(folder, 'polls.yaml');
  const common = {
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
    POLLS_FILE: pollsFile,
    VOTER_KEYS: newKey(),
    RECEIPT_KEYS: newKey(),
    LOG_LEVEL: 'info',
    ...options.env,
  };
  const through = async (
    url: string,
    link: 'vote-redis' | 'worker-redis' | 'worker-postgres' | 'result-postgres',
  ) => {
    if (!links) return url;
    const way = new URL(url);
    way.port = String(await links[link].through(Number(way.port)));
    return way.href;
  };
  const envOf: Record<AppName, Record<string, string>> = {
    vote: { ...common, REDIS_URL: await through(redis.url, 'vote-redis') },
    worker: {
      ...common,
      REDIS_URL: await through(redis.url, 'worker-redis'),
      DATABASE_URL: await through(postgres.url, 'worker-postgres'),
    },
    result: { ...common, DATABASE_URL: await through(postgres.url, 'result-postgres') },
  };
  const build = options.build ?? ROOT;
  const replicas = await createReplicas({
    build,
    logs,
    env: (app) => ({ ...envOf[app], ...clocks?.envOf(app) }),
    expose: async (app, port) =>
      links ? links[app === 'vote' ? 'voter-vote' : 'page-result'].through(port) : port,
  });
  cleanup.add(replicas.close);

  // An operator's commands go straight to the stores, whatever befalls the services' links.
  const runWorker = (args: readonly string[], env: Record<string, string>) =>
    runWorkerCommand(build, args, { ...common, ...clocks?.envOf('worker'), ...env });
  const applyPolls = (text: string) => {
    writeFileSync(pollsFile, text);
    return runWorker(['migrate'], {});
  };
  const { code, output } = await applyPolls(options.polls);
  if (code !== 0) throw new Error(`migrate failed (${code}):\n${output}`);
  const wanted: [AppName, number][] = [
    ['vote', options.votes ?? 1],
    ['worker', options.workers ?? 2],
    ['result', options.results ?? 1],
  ];
  for (const [app, count] of wanted) for (let i = 0; i < count; i++) await replicas.add(app);
  await Promise.all(replicas.replicas.map((replica) => replica.untilReady()));

  return {
    on: 'local',
    lacks,
    ...replicas,
    redis,
    postgres,
    link(name) {
      if (!links) throw new Error(lacks(`link-${name}`));
      return links[name];
    },
    async stepClock(ms, of) {
      if (!clocks) throw new Error(lacks('clocks'));
      clocks.step(ms, of);
    },
    applyPolls,
    workerCommand: (...args) => runWorker(args, {}),
    runWorker,
    saveLogs: async (target) => logs.saveTo(target),
    close: cleanup.run,
  };
}
