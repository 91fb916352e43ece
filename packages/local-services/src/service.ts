import { setTimeout as wait } from 'node:timers/promises';
import { isTrouble, oncePer, readable, readLogLine } from './log-line.ts';
import { ManagedProcess } from './managed-process.ts';
import type { Run } from './run.ts';

/** A service of the system: a Node program that runs until it gets SIGTERM. */
export interface ServiceSpec {
  name: string;
  /** What follows `node` on its command line. */
  args: readonly string[];
  env: Record<string, string>;
  /** What it will listen on; `*` is every address. `variable` is what people set for another port. */
  listens: readonly { host: string; port: number; variable: string }[];
  /** Answers 200 once it is ready. */
  readyUrl: string;
}

const READY_TIMEOUT_MS = 60_000;
/** While it starts, a service may well warn that it waits for another; what it says is shown if it fails. */
const USUAL_START_MS = 10_000;
const REPEAT_MS = 30_000;
const SHOWN_LINES = 15;

/** Resolves when `url` answers 200, or when the run stops. Throws after a minute. */
async function untilReady(url: string, stopping: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!stopping.aborted) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    if (Date.now() > deadline)
      throw new Error(`${url} did not say ready within ${READY_TIMEOUT_MS / 1000} s`);
    await wait(50);
  }
}

/**
 * Starts a service, its output in a log file and what matters of it on the terminal. It gives a function that
 * waits until the service is ready, and throws when that takes more than a minute; services may wait for each
 * other, so all are to be started before the first is waited for.
 */
export async function startService(
  run: Run,
  spec: ServiceSpec,
  options: { cwd: string; env: NodeJS.ProcessEnv; logPath: string },
): Promise<() => Promise<void>> {
  const { terminal, lock } = run;
  const log = run.openLog(options.logPath);
  const isNew = oncePer(REPEAT_MS);
  let quietUntil = Date.now() + USUAL_START_MS;
  const server = new ManagedProcess({
    name: spec.name,
    command: process.execPath,
    args: spec.args,
    cwd: options.cwd,
    env: { ...options.env, ...spec.env },
    endSignal: 'SIGTERM',
    onLog(line, stream) {
      log.write(line);
      const entry = readLogLine(line);
      const worthwhile = entry ? isTrouble(entry) : stream === 'stderr' && line.trim() !== '';
      const text = `${spec.name}: ${readable(line)}`;
      if (worthwhile && Date.now() > quietUntil && isNew(text)) terminal.say(`  ${text}`);
    },
  });
  const launch = async () => {
    await server.launch();
    lock.record(spec.name, server.pid, 'SIGTERM');
  };
  run.add({ name: spec.name, stop: () => server.end(), hurry: () => server.signal('SIGKILL') });
  await launch();
  const lastLines = () => server.lastLines.split('\n').slice(-SHOWN_LINES).map(readable).join('\n');
  run.keepUp(
    {
      name: spec.name,
      get running() {
        return server.running;
      },
      async start() {
        await launch();
        untilReady(spec.readyUrl, run.stopping).then(
          () => run.stopping.aborted || terminal.say(`! ${spec.name} is back`),
          (error: Error) => terminal.say(`! ${spec.name}: ${error.message}`),
        );
      },
      onExit: (listener) => server.onExit(listener),
    },
    () => `The end of ${options.logPath}:\n${lastLines()}`,
  );
  return async () => {
    await run.until(
      untilReady(spec.readyUrl, run.stopping).catch((error: Error) => {
        throw new Error(`${error.message}. The end of ${options.logPath}:\n${lastLines()}`);
      }),
    );
    quietUntil = 0;
  };
}
