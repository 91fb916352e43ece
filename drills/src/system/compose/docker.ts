import { execFile } from 'node:child_process';

export type CommandResult = { code: number | null; output: string };

const MOST_OUTPUT = 256 * 1024 * 1024;

/** A command that takes longer is killed, and fails. Compose may have to build or to pull images (ms). */
const DEADLINE_MS = 120_000;
const COMPOSE_DEADLINE_MS = 1_200_000;

type Finished = { code: number | null; stdout: string; stderr: string };

function runDocker(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const options = {
      env: env ?? process.env,
      maxBuffer: MOST_OUTPUT,
      timeout: args[0] === 'compose' ? COMPOSE_DEADLINE_MS : DEADLINE_MS,
      killSignal: 'SIGKILL' as const,
    };
    const child = execFile('docker', args, options, (error, stdout, stderr) => {
      if (error && child.pid === undefined) reject(error);
      else resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

/** Runs a docker command and gives what it printed. @throws with what it said when it fails. */
export async function docker(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await runDocker(args, env);
  if (code !== 0) throw new Error(`docker ${args.join(' ')} failed:\n${stderr.trim()}`);
  return stdout;
}

/** Runs a docker command whose exit code means something. */
export async function tryDocker(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CommandResult> {
  const { code, stdout, stderr } = await runDocker(args, env);
  return { code, output: `${stdout}${stderr}`.trim() };
}

/** Runs a docker command for a container that may have ended by itself in this instant. */
export async function dockerUnlessGone(...args: string[]): Promise<void> {
  const { code, output } = await tryDocker(args);
  if (code !== 0 && !/is not running|is not paused|is already paused/i.test(output)) {
    throw new Error(`docker ${args.join(' ')} failed:\n${output}`);
  }
}

/** Since then, a file laid over another can take away what that one has (`!reset`, `!override`). */
const LEAST_COMPOSE = '2.24.4';

/**
 * Says what to do where nothing can run in containers. @throws then.
 * @param otherwise what else can be done.
 */
export async function requireDocker(otherwise: string): Promise<void> {
  const compose = await tryDocker(['compose', 'version', '--short']).catch(() => undefined);
  if (compose === undefined) {
    throw new Error(`Docker is not installed: install Docker Engine with Compose 2, ${otherwise}`);
  }
  if (compose.code !== 0) {
    throw new Error(`Docker has no Compose here: install its Compose plugin, version 2, ${otherwise}`);
  }
  const version = compose.output.replace(/^v/, '');
  if (version.localeCompare(LEAST_COMPOSE, 'en', { numeric: true }) < 0) {
    throw new Error(`Docker's Compose is ${version}: install ${LEAST_COMPOSE} or newer, ${otherwise}`);
  }
  const engine = await tryDocker(['version', '--format', '{{.Server.Version}}']);
  if (engine.code !== 0) {
    const reason = engine.output.split('\n').at(-1)?.trim();
    throw new Error(`Docker does not answer (${reason}): start it, see that you may use it, ${otherwise}`);
  }
}
