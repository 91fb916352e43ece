/** The guardian's own process; see guardian.ts. It is started with its mark as the only argument. */
import { readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { sep } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { findProcess, isAlive, type ProcessRow, signalProcess } from './process-table.ts';

const DEADLINE_MS = 10_000;
const mark = process.argv[2] ?? '';
const wards = new Map<number, { row: ProcessRow; signal: NodeJS.Signals }>();
const directories = new Set<string>();

// Only the end of the pipe ends the guardian; otherwise `killall node` would take it before its wards.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});

function obey(line: string): void {
  const rest = line.slice(1);
  if (line.startsWith('+')) {
    const [pid, signal] = rest.split(' ');
    const row = findProcess(Number(pid));
    if (row) wards.set(row.pid, { row, signal: signal as NodeJS.Signals });
  } else if (line.startsWith('-')) {
    wards.delete(Number(rest));
  } else if (line.startsWith('~')) {
    directories.add(rest);
  }
}

/** Finds processes that were spawned in the instant before our parent died, which could not tell us. */
function adoptMarked(): void {
  if (process.platform !== 'linux' || mark === '') return;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
      const signal = environment.find((entry) => entry.startsWith(`HBF_GUARDIAN=${mark}:`))?.split(':')[1];
      if (signal && !wards.has(Number(name))) obey(`+${name} ${signal}`);
    } catch {
      // gone meanwhile, or not ours to read
    }
  }
}

async function endAll(): Promise<void> {
  adoptMarked();
  const living = () => [...wards.values()].filter(({ row }) => isAlive(row));
  for (const { row, signal } of living()) {
    signalProcess(row, signal);
    // A process that was stopped (SIGSTOP) takes no other signal until it goes on.
    signalProcess(row, 'SIGCONT');
  }
  const deadline = Date.now() + DEADLINE_MS;
  while (living().length > 0 && Date.now() < deadline) await wait(50);
  for (const { row } of living()) signalProcess(row, 'SIGKILL');
  while (living().length > 0 && Date.now() < deadline + DEADLINE_MS) await wait(50);
  const temporary = realpathSync(tmpdir()) + sep;
  for (const directory of directories) {
    try {
      if (!realpathSync(directory).startsWith(temporary)) continue;
      rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    } catch {
      // it is gone already
    }
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', obey);
lines.once('close', () => {
  endAll().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
