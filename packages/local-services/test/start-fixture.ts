import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect } from 'vitest';
import { freePort } from '../src/free-port.ts';
import { guard } from '../src/guardian.ts';
import { isAlive, type ProcessRow } from '../src/process-table.ts';
import type { SystemSpec } from '../src/system.ts';
import { makeTestDirectory } from '../src/testing.ts';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** A folder, and the system of two fake services that is kept in it. */
export interface FakeSystem {
  directory: string;
  ports: { first: number; second: number };
  spec: Omit<SystemSpec, 'env'>;
  /** Starts and stops of the services, in order. */
  trace(): string[];
  /** What the system's lock file tells of its processes. */
  processes(): Record<string, ProcessRow>;
}

export async function makeFakeSystem(): Promise<FakeSystem> {
  const directory = makeTestDirectory('start');
  // PostgreSQL's own user must get through.
  chmodSync(directory, 0o755);
  const ports = { first: await freePort(), second: await freePort() };
  const stateDir = join(directory, 'state');
  const traceFile = join(directory, 'trace');
  const service = (name: 'first' | 'second') => ({
    name,
    args: [fixture('fake-service.mjs')],
    env: { NAME: name, METRICS_PORT: String(ports[name]), TRACE: traceFile },
    listens: [{ host: '127.0.0.1', port: ports[name], variable: `${name.toUpperCase()}_PORT` }],
    readyUrl: `http://127.0.0.1:${ports[name]}/readyz`,
  });
  return {
    directory,
    ports,
    spec: {
      root: directory,
      stateDir,
      database: 'animals',
      keys: ['KEYS'],
      setUp: { name: 'set-up', args: [fixture('fake-set-up.mjs')], env: {}, exitToWarn: 2 },
      services: [service('first'), service('second')],
      pages: [{ label: 'Look', port: ports.first }],
    },
    trace: () => readFileSync(traceFile, 'utf8').trim().split('\n'),
    processes() {
      const { children } = JSON.parse(readFileSync(join(stateDir, 'running.json'), 'utf8'));
      return Object.fromEntries(children.map((child: ProcessRow & { name: string }) => [child.name, child]));
    },
  };
}

const runs: ChildProcess[] = [];
afterEach(async () => {
  for (const run of runs.splice(0)) {
    if (run.exitCode !== null || run.signalCode !== null) continue;
    run.kill('SIGKILL');
    await once(run, 'exit');
  }
});

/** One run of a system, in a process of its own. */
export class FakeRun {
  readonly child: ChildProcess;
  output = '';

  constructor(
    system: FakeSystem,
    env: Record<string, string> = {},
    command = process.execPath,
    args?: string[],
  ) {
    this.child = spawn(command, args ?? [fixture('fake-start.mjs')], {
      cwd: system.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, SYSTEM: JSON.stringify(system.spec), ...env },
    });
    runs.push(this.child);
    guard(this.child.pid!);
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /** Waits until the output matches. */
  async says(pattern: RegExp, timeout = 20_000): Promise<void> {
    await expect.poll(() => this.output, { timeout, interval: 20 }).toMatch(pattern);
  }

  /** Waits for the end and gives the exit code. */
  async ends(timeout = 20_000): Promise<number | null> {
    const ended = () => this.child.exitCode !== null || this.child.signalCode !== null;
    await expect.poll(ended, { timeout, interval: 20 }).toBe(true);
    return this.child.exitCode;
  }
}

/** Waits until none of the processes is left. */
export async function allGone(rows: Record<string, ProcessRow>): Promise<void> {
  expect(Object.keys(rows)).not.toEqual([]);
  const left = () => Object.keys(rows).filter((name) => isAlive(rows[name]!));
  await expect.poll(left, { timeout: 15_000 }).toEqual([]);
}

export const startScript = fixture('fake-start.mjs');
