import { describeExit, type Exit, ManagedProcess } from '@hbf/local-services/managed-process';
import { until } from '../until.ts';
import type { AppName, Replica } from './system.ts';

/** A replica that is a process of this machine. */
export type LocalReplica = Replica & {
  /** @throws when it does not run. */
  readonly pid: number;
  readonly metricsPort: number;
  /** What it wrote, the oldest lines left out when there are many. */
  readonly lines: readonly string[];
  /** How it ended last; undefined while its first process runs. */
  readonly lastExit: Exit | undefined;
  /** Resolves with the first line that has `what` in it. @throws after `timeoutMs` (20 s). */
  untilLine(what: string | RegExp, timeoutMs?: number): Promise<string>;
};

export type ReplicaPlan = {
  app: AppName;
  name: string;
  url: string | undefined;
  metricsPort: number;
  /** The folder of the build. */
  build: string;
  /** What it gets each time it is started. */
  env: () => Record<string, string>;
  onLog: (line: string) => void;
  /** Called with how, when it ended and nobody had asked it to, or when it was asked and did not end well, or in time. */
  onDeath: (how: string) => void;
};

const READY_TIMEOUT_MS = 30_000;
/** As `docker compose stop` gives them (compose.yaml, stop_grace_period). */
const GRACE_MS = 10_000;
const MOST_LINES = 20_000;

/** Runs an app as an operator would; resolves when the process runs. */
export async function startReplica(plan: ReplicaPlan): Promise<LocalReplica> {
  const { app, name, metricsPort } = plan;
  const lines: string[] = [];
  let lastExit: Exit | undefined;
  let exits = 0;
  /** Lines of the present process. */
  let said = 0;
  const env = plan.env();
  // It is meant to end by itself, as if killed.
  const kills = 'HBF_FAILPOINT' in env;
  const server = new ManagedProcess({
    name,
    command: process.execPath,
    args: [`apps/${app}/dist/main.js`],
    cwd: plan.build,
    env: { PATH: process.env.PATH, ...env, METRICS_PORT: String(metricsPort) },
    endSignal: 'SIGTERM',
    onLog(line) {
      if (lines.length >= MOST_LINES) lines.splice(0, MOST_LINES / 2);
      lines.push(line);
      said += 1;
      plan.onLog(line);
    },
  });
  server.onExit((exit) => {
    lastExit = exit;
    exits += 1;
    plan.onLog(`--- ${name} ended: ${describeExit(exit)}${exit.expected ? '' : ', by itself'}`);
    if (!exit.expected && !(kills && exit.signal === 'SIGKILL')) plan.onDeath(describeExit(exit));
  });
  const launch = () => {
    said = 0;
    return server.launch();
  };
  await launch();
  const internal = `http://127.0.0.1:${metricsPort}`;
  return {
    app,
    name,
    metricsPort,
    lines,
    ...(plan.url === undefined ? {} : { url: plan.url }),
    get running() {
      return server.running;
    },
    get pid() {
      return server.pid;
    },
    get lastExit() {
      return lastExit;
    },
    async kill() {
      server.signal('SIGKILL');
      await server.gone();
    },
    async stop() {
      if (!server.running) return;
      const asked = performance.now();
      const had = exits;
      await server.end('SIGTERM');
      const tookMs = performance.now() - asked;
      if (exits === had || !lastExit) return;
      // Without a word yet, it had begun nothing that could end in order.
      const early = lastExit.signal === 'SIGTERM' && said === 0;
      if (lastExit.code !== 0 && !early) plan.onDeath(`${describeExit(lastExit)} after SIGTERM`);
      else if (tookMs > GRACE_MS) plan.onDeath(`ended ${Math.round(tookMs / 1_000)} s after SIGTERM`);
    },
    async pause() {
      server.signal('SIGSTOP');
    },
    async resume() {
      server.signal('SIGCONT');
    },
    start: launch,
    gone: () => server.gone(),
    async untilReady() {
      let ended = false;
      await until(
        `${name} is ready`,
        async () => {
          ended = !server.running;
          return ended || (await fetch(`${internal}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
        },
        READY_TIMEOUT_MS,
      );
      if (ended) throw new Error(`${name} ended before it was ready:\n${server.lastLines}`);
    },
    async metrics() {
      const response = await fetch(`${internal}/metrics`, { signal: AbortSignal.timeout(15_000) });
      return response.text();
    },
    untilLine: (what, timeoutMs) =>
      until(
        `${name} writes ${what}`,
        () => lines.find((line) => (typeof what === 'string' ? line.includes(what) : what.test(line))),
        timeoutMs,
      ),
  };
}
