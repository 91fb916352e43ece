import { readable } from './log-line.ts';
import { describeExit, type Exit, ManagedProcess } from './managed-process.ts';
import type { Run } from './run.ts';

/** A program that runs to its end before the services start. */
export interface SetUpSpec {
  name: string;
  /** What follows `node` on its command line. */
  args: readonly string[];
  env: Record<string, string>;
  /** This exit code means: go on, but show people what the program complained of (its standard error). */
  exitToWarn: number;
}

const SHOWN_LINES = 30;

/**
 * Runs the program. Throws with what it said when it ends with neither 0 nor `exitToWarn`.
 * @returns what it complained of, if it ended with `exitToWarn`.
 */
export async function setUp(
  run: Run,
  spec: SetUpSpec,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const lines: string[] = [];
  const complaints: string[] = [];
  const program = new ManagedProcess({
    name: spec.name,
    command: process.execPath,
    args: spec.args,
    cwd,
    env: { ...env, ...spec.env },
    endSignal: 'SIGTERM',
    onLog(line, stream) {
      lines.push(readable(line));
      if (stream === 'stderr') complaints.push(readable(line));
    },
  });
  const ended = new Promise<Exit>((resolve) => program.onExit(resolve));
  run.add({ name: spec.name, stop: () => program.end(), hurry: () => program.signal('SIGKILL') });
  await program.launch();
  if (program.running) run.lock.record(spec.name, program.pid, 'SIGTERM');
  const exit = await run.until(ended);
  if (exit.code === 0) return [];
  if (exit.code === spec.exitToWarn) return complaints;
  throw new Error(`${spec.name} failed (${describeExit(exit)}):\n${lines.slice(-SHOWN_LINES).join('\n')}`);
}
