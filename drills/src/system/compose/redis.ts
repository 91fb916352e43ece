import { connectRedis, untilReady, within } from '@hbf/ballot-stream/connection';
import type { System } from '../system.ts';
import { createContainer } from './container.ts';
import { docker } from './docker.ts';
import type { Endings } from './endings.ts';
import type { Project } from './project.ts';

/** The Redis of a system in containers; `up` is what starts it first. */
export type RedisPart = System['redis'] & { launch(up: Promise<unknown>): Promise<void> };

const COMMAND_TIMEOUT_MS = 5_000;
const START_TIMEOUT_MS = 60_000;
const GRACE_MS = 30_000;

/** Of the append-only files, the one that Redis writes to now has the highest number. */
const NEWEST_FILE = 'file=$(ls -v /data/appendonlydir/*.incr.aof | tail -n 1)';

/** All that is in /data but the copy, which is kept there as well. */
const EACH_FILE = 'find . -mindepth 1 -maxdepth 1 ! -name .copy -exec';

async function withClient<T>(
  url: string,
  timeoutMs: number,
  work: (client: ReturnType<typeof connectRedis>) => Promise<T>,
): Promise<T> {
  const client = connectRedis(url, () => {});
  try {
    await untilReady(client, timeoutMs);
    return await work(client);
  } finally {
    client.disconnect();
  }
}

export function createRedisPart(options: { project: Project; endings: Endings; port: number }): RedisPart {
  const { project, endings, port } = options;
  const container = createContainer({ name: `${project.name}-redis-1`, endings });
  const url = `redis://127.0.0.1:${port}`;

  /** Sets the soft limit alone: to raise the hard one again takes a right that containers lack. */
  const setSoftLimit = async (limit: string) => {
    const user = await docker(['exec', container.name, 'stat', '-c', '%u:%g', '/proc/1']);
    const script = `${NEWEST_FILE}; prlimit --pid=1 --fsize=${limit}:`;
    await docker(['exec', '--user', user.trim(), container.name, 'sh', '-ec', script]);
  };
  const onFiles = async (script: string) => {
    if (container.running) throw new Error("Redis runs: its files can be changed only while it doesn't");
    await project.compose('run', '--rm', '--no-deps', '--entrypoint', 'sh', 'redis', '-ec', script);
  };

  return {
    get running() {
      return container.running;
    },
    launch: (up) => container.launch(() => up),
    kill: container.kill,
    stop: () => container.end('SIGTERM', GRACE_MS),
    pause: container.pause,
    resume: container.resume,
    async start() {
      await container.start();
      await withClient(url, START_TIMEOUT_MS, async () => {});
    },
    command: (name = '', ...args) =>
      withClient(url, COMMAND_TIMEOUT_MS, (client) =>
        within(COMMAND_TIMEOUT_MS, client.call(name, ...args), name),
      ),
    limitFiles: (bytes) => setSoftLimit(`$(($(stat -c %s "$file") + ${bytes}))`),
    async unlimitFiles() {
      if (container.running) await setSoftLimit('unlimited');
    },
    cutTail: (bytes) =>
      onFiles(
        `${NEWEST_FILE}; size=$(stat -c %s "$file"); truncate -s $((size > ${bytes} ? size - ${bytes} : 0)) "$file"`,
      ),
    keepCopy: () => onFiles(`cd /data; rm -rf .copy; mkdir .copy; ${EACH_FILE} cp -a {} .copy/ ';'`),
    rollBack: () => onFiles(`cd /data; test -d .copy; ${EACH_FILE} rm -rf {} +; cp -a .copy/. .`),
  };
}
