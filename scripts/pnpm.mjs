/**
 * Runs the pnpm that package.json names, without having it installed: `node scripts/pnpm.mjs install`.
 * Corepack would do the same, but is not on every machine and fails where its list of keys is old.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { argv, env, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** Runs pnpm in the root. Resolves with its exit code and, unless it writes to our own terminal, its output. */
export function pnpm(args, { quiet = true } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('npx', ['--yes', packageManager, ...args], {
      cwd: root,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
      shell: process.platform === 'win32',
      env: { ...env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: signal ? 1 : code, output }));
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { code } = await pnpm(argv.slice(2), { quiet: false });
  exit(code);
}
