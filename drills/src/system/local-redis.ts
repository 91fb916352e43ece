import { writeFileSync } from 'node:fs';
import { connectRedis, untilReady, within } from '@hbf/ballot-stream/connection';
import { describeExit } from '@hbf/local-services/managed-process';
import { type LocalRedis, startRedis } from '@hbf/local-services/redis';
import { until } from '../until.ts';
import { limitFileSize, unlimitFileSize } from './file-limit.ts';
import { cutTail, keepFiles, newestFile, putFilesBack } from './redis-files.ts';
import type { System } from './system.ts';

/** The Redis of a local system. */
export type RedisPart = System['redis'] & {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  close(): Promise<void>;
};

const COMMAND_TIMEOUT_MS = 5_000;

/**
 * A program that starts the server such that a file at its limit fails with an error, as one on a full disk does. It
 * would be killed by SIGXFSZ otherwise, before it could do anything wrong.
 */
function writeStarter(file: string, command: string): string {
  writeFileSync(file, `#!/bin/sh\ntrap '' XFSZ\nexec '${command}' "$@"\n`, { mode: 0o755 });
  return file;
}

/** Runs one command on a connection of its own. @throws at once when the server ends meanwhile. */
async function runCommand(
  { url, onExit }: LocalRedis,
  [name = '', ...args]: readonly string[],
): Promise<unknown> {
  const client = connectRedis(url, () => {});
  let ignoreExit = () => {};
  const ended = new Promise<never>((_, reject) => {
    ignoreExit = onExit((exit) => reject(new Error(`${name}: Redis ended (${describeExit(exit)})`)));
  });
  const answer = async () => {
    await untilReady(client, COMMAND_TIMEOUT_MS);
    return await within(COMMAND_TIMEOUT_MS, client.call(name, ...args), name);
  };
  try {
    return await Promise.race([answer(), ended]);
  } finally {
    ignoreExit();
    client.disconnect();
  }
}

export async function startRedisPart(options: {
  dataDir: string;
  /** Where a copy of its files is kept. */
  copyDir: string;
  /** The server's program. */
  command: string;
  /** Where to write the program that starts it. */
  starterFile: string;
  settings: Record<string, string> | undefined;
  env: Record<string, string>;
  onLog: (line: string) => void;
}): Promise<RedisPart> {
  const { copyDir } = options;
  const server = await startRedis({
    dataDir: options.dataDir,
    command: writeStarter(options.starterFile, options.command),
    settings: options.settings,
    env: { PATH: process.env.PATH, ...options.env },
    onLog: options.onLog,
  });
  const { dataDir } = server;
  server.onExit((exit) => options.onLog(`--- Redis ended: ${describeExit(exit)}`));
  const down = () => {
    if (server.running) throw new Error("Redis runs: its files can be changed only while it doesn't");
  };
  return {
    url: server.url,
    port: server.port,
    dataDir,
    get running() {
      return server.running;
    },
    kill: () => server.kill('SIGKILL'),
    stop: server.stop,
    pause: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    start: server.start,
    command: (...args) => runCommand(server, args),
    limitFiles: async (bytes) => limitFileSize(server.pid, newestFile(dataDir), bytes),
    async unlimitFiles() {
      if (server.running) unlimitFileSize(server.pid);
      // One that is about to end of its last failure is not to be taken for one that goes on.
      await until('Redis answers, or is gone', async () => {
        return !server.running || (await runCommand(server, ['PING'])) === 'PONG';
      });
    },
    async cutTail(bytes) {
      down();
      cutTail(newestFile(dataDir), bytes);
    },
    async keepCopy() {
      down();
      keepFiles(dataDir, copyDir);
    },
    async rollBack() {
      down();
      putFilesBack(copyDir, dataDir);
    },
    close: () => server.kill('SIGKILL'),
  };
}
