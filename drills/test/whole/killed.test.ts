import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { ROOT } from '../../src/system/project.ts';
import { until } from '../../src/until.ts';

const main = `
import { createLocalSystem } from '${new URL('dist/system/local.js', `file://${ROOT}/drills/`)}';
const polls = 'polls:\\n  - key: p\\n    question: Which?\\n    options: { a: A, b: B }\\n';
const system = await createLocalSystem({ polls, prepare: ['links', 'full-disk'] });
await system.replicas[0].pause();
await system.redis.pause();
console.log(system.redis.dataDir);
`;

/** Processes of this machine in whose command line or environment a text stands. */
function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return ['cmdline', 'environ'].some((file) => readFileSync(join('/proc', pid, file)).includes(text));
    } catch {
      return false;
    }
  });
}

it.skipIf(process.platform !== 'linux')(
  'a system whose process is killed ends, with all that it has mounted and written',
  { timeout: 60_000 },
  async () => {
    const drill = spawn(process.execPath, ['--input-type=module', '-e', main], { cwd: ROOT });
    let trouble = '';
    drill.stderr.on('data', (data) => {
      trouble += data;
    });
    const folder = await new Promise<string>((resolve, reject) => {
      createInterface({ input: drill.stdout }).once('line', (dataDir) => resolve(join(dataDir, '..')));
      drill.once('exit', () => reject(new Error(trouble)));
    });
    // The services by their POLLS_FILE, the stores by where their data is.
    expect(processesWith(folder).length).toBeGreaterThanOrEqual(6);
    drill.kill('SIGKILL');
    await until('its processes are gone', () => processesWith(folder).length === 0, 30_000);
    await until('its folder is gone', () => !existsSync(folder));
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(folder);
  },
);
