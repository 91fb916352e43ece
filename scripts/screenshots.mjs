/**
 * `pnpm screenshots`: a picture of every state of both pages, in both languages and themes and at every size, in the
 * folder `screenshots`. The same run checks each state as `npm test` does. Takes some minutes.
 *
 * Environment: STATES, a pattern of the names of those that are wanted, as `STATES='^vote-'`; CHROMIUM_PATH.
 */
import { checkNode, prepare } from './prepare.mjs';
import { findPrograms, runTests, sayFailure } from './run-tests.mjs';
import { say, step } from './terminal.mjs';

checkNode();

const FOLDER = 'screenshots';

try {
  await prepare();
  const env = await step('Looking for Redis and Chromium', findPrograms);
  const { code } = await runTests(
    ['--project', 'system', 'tests/pages/states.test.ts', '--testTimeout=120000'],
    {
      ...env,
      SCREENSHOTS: FOLDER,
    },
  );
  say(env.CHROMIUM_PATH ? `The pictures are in ${FOLDER}/` : '✗ Without a Chromium there are no pictures.');
  process.exitCode = code === 0 && env.CHROMIUM_PATH ? 0 : 1;
} catch (error) {
  sayFailure(`✗ ${error.message}`);
  process.exitCode = 1;
}
