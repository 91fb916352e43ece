import { fileURLToPath } from 'node:url';
import { freePort } from '@hbf/local-services/free-port';
import { type Exit, ManagedProcess } from '@hbf/local-services/managed-process';
import { until } from './until.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type AppName = 'vote' | 'worker' | 'result' | 'crowd';

/** A real process of one of the apps, as an operator would start it. */
export type Service = {
  readonly name: string;
  readonly metricsPort: number;
  /** Everything that it wrote. */
  readonly lines: string[];
  readonly process: ManagedProcess;
  /** Resolves with how it ended; a process that already ended resolves at once. */
  readonly exited: Promise<Exit>;
  untilLine(what: string | RegExp, timeoutMs?: number): Promise<string>;
  untilReady(): Promise<void>;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
  metrics(): Promise<string>;
};

const started: Service[] = [];

/** Kills everything that `startService` started and that still runs. */
export async function killServices(): Promise<void> {
  await Promise.all(started.splice(0).map((service) => service.kill()));
}

export async function startService(
  app: AppName,
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<Service> {
  const metricsPort = await freePort();
  const lines: string[] = [];
  const process_ = new ManagedProcess({
    name: app,
    command: process.execPath,
    args: [`apps/${app}/dist/main.js`, ...args],
    cwd: ROOT,
    env: { PATH: process.env.PATH, METRICS_PORT: String(metricsPort), ...env },
    endSignal: 'SIGTERM',
    onLog: (line) => lines.push(line),
  });
  const exited = new Promise<Exit>((resolve) => process_.onExit(resolve));
  await process_.launch();
  const service: Service = {
    name: app,
    metricsPort,
    lines,
    process: process_,
    exited,
    untilLine: (what, timeoutMs) =>
      until(
        `${app} writes ${what}`,
        () => lines.find((line) => (typeof what === 'string' ? line.includes(what) : what.test(line))),
        timeoutMs,
      ),
    async untilReady() {
      await until(`${app} is ready`, async () => {
        if (!process_.running) throw new Error(`${app} ended:\n${process_.lastLines}`);
        return (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).ok;
      });
    },
    async kill() {
      process_.signal('SIGKILL');
      await process_.gone();
    },
    stop: () => process_.end('SIGTERM'),
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
  };
  started.push(service);
  return service;
}

/** Runs a command of an app to its end. */
export async function runCommand(
  app: AppName,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const service = await startService(app, env, args);
  const exit = await service.exited;
  return { code: exit.code, output: service.lines.join('\n') };
}
