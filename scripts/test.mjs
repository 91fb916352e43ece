/**
 * `npm test`: everything that is checked. Installs and builds what is missing, sees to a Redis and a Chromium,
 * then type check, lint and tests, a line with the seconds for each; ends with `N passed, N failed, N skipped`.
 * Arguments after `--` go to vitest: `npm test -- packages/receipt`.
 *
 * Environment: HBF_NO_INSTALL=1 to install nothing on the machine, CHROMIUM_PATH, HBF_NO_BROWSER=1 to leave
 * the browser tests out, SEED=… to repeat the choices of an earlier run of the drills.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pnpm, root } from './pnpm.mjs';
import { checkNode, prepare } from './prepare.mjs';
import { say, step } from './terminal.mjs';

checkNode();

/** The phases that failed, by name. */
const failed = [];

async function phase(name, args) {
  await step(name, async () => {
    const { code, output } = await pnpm(args);
    if (code !== 0) throw new Error(output.trim());
  }).catch((error) => {
    failed.push(name);
    say(error.message);
  });
}

/** Makes sure of a Redis, and tells the tests where Chromium is, or that there is none. */
async function findPrograms() {
  const { findRedis } = await import('../packages/local-services/dist/find-redis.js');
  const { findChromium } = await import('../packages/local-services/dist/find-chromium.js');
  const { command } = await findRedis(say);
  const browser = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium(say);
  if (process.env.HBF_NO_BROWSER === '1') say('The browser tests are left out, as HBF_NO_BROWSER=1 asks.');
  // One that was compiled is on no PATH yet.
  const PATH = `${dirname(command)}${delimiter}${process.env.PATH ?? ''}`;
  return { PATH, ...(browser ? { CHROMIUM_PATH: browser } : { HBF_NO_BROWSER: '1' }) };
}

/** Runs vitest, its report on our terminal, and gives the counts from its JSON report. */
async function runTests(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'hbf-report-'));
  const report = join(folder, 'report.json');
  try {
    const code = await new Promise((resolve, reject) => {
      const vitest = spawn(
        process.execPath,
        [
          'node_modules/vitest/vitest.mjs',
          'run',
          '--reporter=default',
          '--reporter=json',
          `--outputFile=${report}`,
          ...args,
        ],
        { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } },
      );
      vitest.once('error', reject);
      vitest.once('close', resolve);
    });
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    // A file that could not even be loaded has no tests that could have failed.
    const broken = testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    return {
      code,
      passed: numPassedTests,
      failed: numFailedTests + broken.length,
      skipped: numPendingTests + numTodoTests,
    };
  } catch (error) {
    say(`vitest gave no report: ${error.message}`);
    return { code: 1, passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  const began = performance.now();
  await prepare();
  const env = await step('Looking for Redis and Chromium', findPrograms);
  await phase('Type check', ['exec', 'turbo', 'run', 'typecheck', '--output-logs=errors-only']);
  await phase('Lint: biome', ['exec', 'biome', 'check', '.']);
  await phase('Lint: knip', ['exec', 'knip', '--tsConfig', 'tsconfig.build.json']);
  const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);
  const testsBegan = performance.now();
  const tests = await runTests(
    process.argv.slice(2).filter((arg) => arg !== '--'),
    env,
  );
  if (tests.code !== 0) failed.push('Tests');
  say(`Tests … ${tests.code === 0 ? 'done' : 'failed'}, ${seconds(testsBegan)} s`);
  say(failed.length === 0 ? 'Everything passed.' : `✗ Failed: ${failed.join(', ')}`);
  say(`${seconds(began)} s in all`);
  say(`${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} catch (error) {
  say(`\n✗ ${error.message}`);
  process.exitCode = 1;
}
