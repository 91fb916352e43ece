import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { findCommand } from './find-command.ts';

/** Says whether we may install packages here: as root, on a system with apt-get, unless HBF_NO_INSTALL=1. */
export function canInstall(env: NodeJS.ProcessEnv = process.env): boolean {
  return (
    process.getuid?.() === 0 && env.HBF_NO_INSTALL !== '1' && findCommand(['apt-get'], env) !== undefined
  );
}

const POLICY = '/usr/sbin/policy-rc.d';

/**
 * Keeps packages from starting their services, by the means that Debian has for it; a Redis of the system
 * on port 6379 is nothing that anybody asked for. Returns what takes the ban off again.
 */
function banServiceStarts(): () => void {
  // Images of containers have such a file already.
  if (existsSync(POLICY)) return () => {};
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(POLICY, { force: true });
}

/**
 * Installs packages with apt-get, without asking and without what is only recommended. Throws with the end
 * of apt-get's output when it fails.
 */
export function aptInstall(packages: readonly string[], say: (line: string) => void): void {
  say(`Installing ${packages.join(', ')} with apt-get (HBF_NO_INSTALL=1 refuses this)`);
  const run = (args: string[]) => {
    // Another process may be installing too: dpkg waits for it, for so many seconds.
    const done = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 * 1024 * 1024,
    });
    if (done.status !== 0) {
      const output = `${done.stdout}\n${done.stderr}`.trim().split('\n').slice(-15).join('\n');
      throw new Error(`apt-get ${args.join(' ')} failed:\n${output}`);
    }
  };
  const liftBan = banServiceStarts();
  try {
    run(['update', '-q']);
    run(['install', '-q', '-y', '--no-install-recommends', ...packages]);
  } finally {
    liftBan();
  }
}
