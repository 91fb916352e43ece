import { freePort } from '@hbf/local-services/free-port';
import { ManagedProcess } from '@hbf/local-services/managed-process';

const DEADLINE_MS = 60_000;

/** Runs a command of the worker to its end, as an operator would. One that takes over a minute is killed: code null. */
export async function runWorkerCommand(
  build: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const lines: string[] = [];
  let code: number | null = null;
  const command = new ManagedProcess({
    name: `worker ${args.join(' ')}`,
    command: process.execPath,
    args: ['apps/worker/dist/main.js', ...args],
    cwd: build,
    env: { PATH: process.env.PATH, METRICS_PORT: String(await freePort()), ...env },
    endSignal: 'SIGTERM',
    onLog: (line) => lines.push(line),
  });
  command.onExit((exit) => {
    code = exit.code;
  });
  await command.launch();
  const timer = setTimeout(() => command.signal('SIGKILL'), DEADLINE_MS);
  await command.gone();
  clearTimeout(timer);
  return { code, output: lines.join('\n') };
}
