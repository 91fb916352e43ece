/**
 * `pnpm drill`: attacks every promise and checks every ballot; `pnpm drill --help` says how. Installs and builds what is
 * missing, and sees to a Redis.
 */
import { spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { root } from './pnpm.mjs';
import { checkNode, prepare } from './prepare.mjs';
import { say } from './terminal.mjs';

/** The exit code where nothing was found out about any promise; 1 is for one that was broken. */
const NOT_RUN = 2;

checkNode(NOT_RUN);

try {
  await prepare();
  const { findRedis } = await import('../packages/local-services/dist/find-redis.js');
  const { command } = await findRedis(say);
  // One that was compiled is on no PATH yet.
  const PATH = `${dirname(command)}${delimiter}${process.env.PATH ?? ''}`;
  const drill = spawn(
    process.execPath,
    ['drills/dist/main.js', ...process.argv.slice(2).filter((arg) => arg !== '--')],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PATH },
    },
  );
  drill.once('error', (error) => {
    say(`✗ ${error.message}`);
    process.exitCode = NOT_RUN;
  });
  drill.once('close', (code, signal) => {
    process.exitCode = signal ? NOT_RUN : code;
  });
} catch (error) {
  say(`\n✗ ${error.message}`);
  process.exitCode = NOT_RUN;
}
