import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { copyBuild } from '../../src/system/build-copy.ts';
import { ROOT } from '../../src/system/project.ts';

const file = 'service-kit/dist/environment.js';
const said = 'import ';

describe('a copy of the build', () => {
  it('runs the mutated code, in packages that an app imports too, and leaves the build as it is', async () => {
    const original = readFileSync(join(ROOT, 'packages', file), 'utf8');
    const folder = await copyBuild([
      { file, find: said, replace: `console.log('mutated package'); ${said}` },
      { file: 'worker/dist/main.js', find: said, replace: `console.log('mutated app'); ${said}` },
    ]);
    // Without its settings it says what it misses, and ends.
    const run = promisify(execFile)(process.execPath, ['apps/worker/dist/main.js'], { cwd: folder, env: {} });
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    expect(stdout).toContain('mutated package');
    expect(stdout).toContain('mutated app');
    expect(readFileSync(join(ROOT, 'packages', file), 'utf8')).toBe(original);
  });

  it('has all that the services read as they run', async () => {
    const folder = await copyBuild([
      {
        file: 'ballot-store/migrations/001.do.create-the-schema.sql',
        find: 'CREATE TABLE',
        replace: '-- mutated\nCREATE TABLE',
      },
    ]);
    expect(existsSync(join(folder, 'apps/vote/views'))).toBe(true);
    expect(existsSync(join(folder, 'apps/result/views'))).toBe(true);
    const migration = join(folder, 'packages/ballot-store/migrations/001.do.create-the-schema.sql');
    expect(readFileSync(migration, 'utf8')).toContain('-- mutated');
  });

  it.each([
    [[{ file, find: 'no such text', replace: '' }], 'does not contain: no such text'],
    [[{ file: 'dist/nowhere.js', find: '', replace: '' }], '0 files of the build'],
    [[{ file: 'dist/main.js', find: said, replace: '' }], 'files of the build are named dist/main.js'],
    [[{ file: 'kit/dist/environment.js', find: said, replace: '' }], '0 files of the build'],
  ])('cannot be had with a mutation that changes nothing, or not one file', async (mutations, message) => {
    await expect(copyBuild(mutations)).rejects.toThrow(message);
  });
});
