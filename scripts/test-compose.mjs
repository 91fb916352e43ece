/**
 * `npm run test:compose`: the tests of the Compose files, in real containers, in projects of their own that are removed
 * in the end. Needs Docker with Compose 2. Installs and builds what is missing; ends with `N passed, N failed, N skipped`.
 * Arguments after `--` go to vitest.
 *
 * Exit codes: 0 all passed; 1 something failed, and it says where the containers' logs are kept; 2 Docker does not answer,
 * and nothing was tested. Environment: HBF_NO_INSTALL=1, CHROMIUM_PATH, HBF_NO_BROWSER=1 as for `npm test`.
 */
import { checkNode, prepare } from './prepare.mjs';
import { findBrowser, runTests, sayFailure } from './run-tests.mjs';
import { say, step } from './terminal.mjs';

const NOT_RUN = 2;

checkNode(NOT_RUN);

async function checkDocker() {
  const { requireDocker } = await import('../drills/dist/system/compose/docker.js');
  await requireDocker('or leave these tests out');
}

try {
  const began = performance.now();
  await prepare();
  await step('Looking for Docker', checkDocker);
  const env = await step('Looking for Chromium', findBrowser);
  const { code, passed, failed, skipped } = await runTests(
    ['--project=compose', '--reporter=verbose', ...process.argv.slice(2).filter((arg) => arg !== '--')],
    env,
  );
  say(`${((performance.now() - began) / 1000).toFixed(1)} s in all`);
  say(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = code === 0 ? 0 : 1;
} catch (error) {
  sayFailure(`✗ ${error.message}`);
  process.exitCode = NOT_RUN;
}
