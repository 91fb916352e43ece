import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from '@hbf/local-services/free-port';

const MAIN = fileURLToPath(new URL('../../apps/crowd/dist/main.js', import.meta.url));

export type Crowd = {
  readonly metricsPort: number;
  /** What it has said so far. */
  readonly output: string;
  /** Its exit code; null where a signal ended it. */
  readonly exit: Promise<number | null>;
  /** What its metrics say; empty while they cannot be read. */
  metrics(): Promise<string>;
  stop(): void;
};

/** Runs the command crowd as an operator would, in a process of its own. */
export async function startCrowd(
  args: readonly string[],
  at: { voteUrl: string; resultUrl: string },
  env: Record<string, string> = {},
): Promise<Crowd> {
  const metricsPort = await freePort();
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      VOTE_URL: at.voteUrl,
      RESULT_URL: at.resultUrl,
      METRICS_PORT: String(metricsPort),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  return {
    metricsPort,
    get output() {
      return output;
    },
    exit: new Promise((resolve) => child.once('close', resolve)),
    metrics: () =>
      fetch(`http://127.0.0.1:${metricsPort}/metrics`)
        .then((response) => response.text())
        .catch(() => ''),
    stop: () => void child.kill('SIGTERM'),
  };
}
