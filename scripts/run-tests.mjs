/** How the scripts run vitest. */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { root } from './pnpm.mjs';
import { say } from './terminal.mjs';

/** Makes sure of a Redis, and finds Chromium. */
export async function findPrograms() {
  const { findRedis } = await import('../packages/local-services/dist/find-redis.js');
  const { command } = await findRedis(say);
  // One that was compiled is on no PATH yet.
  const PATH = `${dirname(command)}${delimiter}${process.env.PATH ?? ''}`;
  return { PATH, ...(await findBrowser()) };
}

/** Makes sure of the programs of the monitoring, or tells the tests that there are none. */
export async function findTools() {
  const { findMonitoring } = await import('../packages/local-services/dist/find-monitoring.js');
  return findMonitoring(say) ? {} : { HBF_NO_MONITORING: '1' };
}

/** Tells the tests where Chromium is, or that there is none. */
export async function findBrowser() {
  const { findChromium } = await import('../packages/local-services/dist/find-chromium.js');
  const browser = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium(say);
  if (process.env.HBF_NO_BROWSER === '1') say('The browser tests are left out, as HBF_NO_BROWSER=1 asks.');
  return browser ? { CHROMIUM_PATH: browser } : { HBF_NO_BROWSER: '1' };
}

/** Says what failed, and appends it to the file that FAILURES_FILE names, for whoever shows it once more in the end. */
export function sayFailure(text) {
  say(text);
  if (process.env.FAILURES_FILE) appendFileSync(process.env.FAILURES_FILE, `${text}\n`);
}

/** Runs vitest, its report on our terminal, says once more what failed, and gives its exit code and the counts. */
export async function runTests(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'hbf-outcome-'));
  const OUTCOME_FILE = join(folder, 'outcome.json');
  try {
    const code = await new Promise((resolve, reject) => {
      const vitest = spawn(
        process.execPath,
        [
          'node_modules/vitest/vitest.mjs',
          'run',
          '--reporter=default',
          '--reporter=./scripts/outcome-reporter.mjs',
          ...args,
        ],
        { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env, OUTCOME_FILE } },
      );
      vitest.once('error', reject);
      vitest.once('close', resolve);
    });
    const { passed, failed, skipped, failures } = JSON.parse(readFileSync(OUTCOME_FILE, 'utf8'));
    failures.forEach(sayFailure);
    if (code !== 0 && failures.length === 0)
      sayFailure(`✗ vitest ended with ${code}, and no test failed: see above`);
    return { code, passed, failed, skipped };
  } catch (error) {
    sayFailure(`✗ vitest did not come to its end: ${error.message}`);
    return { code: 1, passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
