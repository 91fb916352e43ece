/**
 * `npm test`: everything that is checked. Installs and builds what is missing, sees to a Redis, a Chromium and a Prometheus,
 * then type check, lint and tests, a line with the seconds for each; ends with `N passed, N failed, N skipped`.
 * Arguments after `--` go to vitest: `npm test -- packages/receipt`.
 *
 * Environment: HBF_NO_INSTALL=1 to install nothing on the machine, CHROMIUM_PATH, HBF_NO_BROWSER=1 to leave
 * the browser tests out, HBF_NO_MONITORING=1 those of the monitoring, SEED=… to repeat the choices of an earlier run of the drills and the attacks.
 */
import { pnpm } from './pnpm.mjs';
import { checkNode, prepare } from './prepare.mjs';
import { findPrograms, findTools, runTests, sayFailure } from './run-tests.mjs';
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
    sayFailure(`✗ ${name}\n${error.message}`);
  });
}

try {
  const began = performance.now();
  await prepare();
  const env = await step('Looking for Redis, Chromium and Prometheus', async () => ({
    ...(await findPrograms()),
    ...(await findTools()),
  }));
  await phase('Type check', ['exec', 'turbo', 'run', 'typecheck', '--output-logs=errors-only']);
  await phase('Lint: biome', ['exec', 'biome', 'check', '.']);
  await phase('Lint: knip', ['exec', 'knip', '--tsConfig', 'tsconfig.build.json']);
  const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);
  const testsBegan = performance.now();
  const args = process.argv.slice(2).filter((arg) => arg !== '--');
  // Those of the Compose files have a command of their own, since they need Docker.
  const projects = args.some((arg) => arg.startsWith('--project')) ? [] : ['--project=!compose'];
  const tests = await runTests([...projects, ...args], env);
  if (tests.code !== 0) failed.push('Tests');
  say(`Tests … ${tests.code === 0 ? 'done' : 'failed'}, ${seconds(testsBegan)} s`);
  say(failed.length === 0 ? 'Everything passed.' : `✗ Failed: ${failed.join(', ')}`);
  say(`${seconds(began)} s in all`);
  say(`${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} catch (error) {
  sayFailure(`✗ ${error.message}`);
  process.exitCode = 1;
}
