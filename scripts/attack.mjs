/**
 * `pnpm attack`: everything that an attacker would try, on a whole system of real processes. Takes under half an hour; the
 * short part is in `npm test` too. Installs and builds what is missing, and sees to a Redis and a Chromium; ends with
 * `N passed, N failed, N skipped`. Arguments after `--` go to vitest: `npm run attack -- attacks/cookies.test.ts`.
 *
 * Environment: ATTACK=short for the short part alone, SEED=… to repeat the choices of an earlier run, and what
 * `npm test` reads of programs.
 */
import { checkNode, prepare } from './prepare.mjs';
import { findPrograms, runTests, sayFailure } from './run-tests.mjs';
import { say, step } from './terminal.mjs';

checkNode();

try {
  const began = performance.now();
  await prepare();
  const env = await step('Looking for Redis and Chromium', findPrograms);
  const { code, passed, failed, skipped } = await runTests(
    ['--project', 'attacks', ...process.argv.slice(2).filter((arg) => arg !== '--')],
    { ...env, ATTACK: process.env.ATTACK ?? 'full' },
  );
  say(`${((performance.now() - began) / 1000).toFixed(1)} s in all`);
  say(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = code === 0 ? 0 : 1;
} catch (error) {
  sayFailure(`✗ ${error.message}`);
  process.exitCode = 1;
}
