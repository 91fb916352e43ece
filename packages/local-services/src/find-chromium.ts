import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { aptInstall, canInstall } from './apt.ts';
import { findCommand } from './find-command.ts';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** Below /Applications, or the same folder of the user's home. */
const MAC_PROGRAMS = [
  'Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'Applications/Chromium.app/Contents/MacOS/Chromium',
];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findInstalled(env: NodeJS.ProcessEnv): string | undefined {
  const onMac = process.platform === 'darwin' ? ['/', homedir()] : [];
  return (
    findCommand(PROGRAMS, env) ??
    onMac.flatMap((root) => MAC_PROGRAMS.map((path) => join(root, path))).find(isProgram)
  );
}

/**
 * Finds a Chromium for the browser tests: CHROMIUM_PATH; else one that is installed; else, as root on Debian
 * or Ubuntu, installs it with apt-get. Undefined when there is none to be had; `say` was told then what that
 * leaves out. Throws when CHROMIUM_PATH names no program.
 */
export function findChromium(
  say: (line: string) => void = console.error,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (env.CHROMIUM_PATH) {
    if (isProgram(env.CHROMIUM_PATH)) return env.CHROMIUM_PATH;
    throw new Error(`CHROMIUM_PATH is ${env.CHROMIUM_PATH}, which is no program`);
  }
  const found = findInstalled(env);
  if (found) return found;
  let reason = 'this user cannot install it here';
  if (env.HBF_NO_INSTALL === '1') reason = 'HBF_NO_INSTALL=1 forbids to install it';
  if (canInstall(env)) {
    try {
      aptInstall(['chromium'], say);
      const installed = findInstalled(env);
      if (installed) return installed;
      reason = 'apt-get installed none';
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  say(`The browser tests are left out: no Chromium was found, and ${reason}.`);
  say('Install Chromium or Chrome, or set CHROMIUM_PATH to one, to run them.');
  return undefined;
}
