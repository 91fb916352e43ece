import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A program that runs the tests in the files it is given, and prints the outcome as its last line. */
const RUN = `
import { runTests } from './scripts/run-tests.mjs';
console.log(JSON.stringify(await runTests(process.argv.slice(1), {})));
`;

let folder: string;
beforeAll(() => {
  // Without links, as Node resolves it: paths are told relative to it.
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'hbf-run-tests-')));
  cpSync(join(PROJECT, 'scripts'), join(folder, 'scripts'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"packageManager":"pnpm@1.0.0"}');
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  const test = (name: string, text: string) =>
    writeFileSync(
      join(folder, `${name}.test.mjs`),
      `import { beforeAll, describe, expect, it } from 'vitest';\n${text}`,
    );
  test('good', "it('passes', () => {}); it.skip('is left out', () => {});");
  test(
    'wrong',
    "describe('a sum', () => { it('is wrong', () => expect({ sum: 4 }).toEqual({ sum: 5 })); });",
  );
  test(
    'hook',
    "describe('a group', () => { beforeAll(() => { throw new Error('not ready'); }); it('waits', () => {}); });",
  );
  test('broken', "throw new Error('cannot be loaded');");
  test('outside', "it('leaves something behind', () => void Promise.reject(new Error('too late')));");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...files: string[]) {
  const kept = join(folder, 'failures.txt');
  writeFileSync(kept, '');
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', RUN, '--', ...files],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, FAILURES_FILE: kept },
    },
  );
  const [last = ''] = stdout.trim().split('\n').slice(-1);
  expect(last, stderr).toMatch(/^\{/);
  return { outcome: JSON.parse(last), failures: readFileSync(kept, 'utf8') };
}

describe('what a run of the tests leaves in the end', () => {
  it('is nothing but the counts where all passed', () => {
    expect(run('good')).toEqual({
      outcome: { code: 0, passed: 1, failed: 0, skipped: 1 },
      failures: '',
    });
  });

  it('names a test that failed, with what was expected and where', () => {
    const { outcome, failures } = run('good', 'wrong');
    expect(outcome).toEqual({ code: 1, passed: 1, failed: 1, skipped: 1 });
    expect(failures).toContain('✗ wrong.test.mjs > a sum > is wrong\n');
    expect(failures).toContain('-   "sum": 5,');
    expect(failures).toContain('+   "sum": 4,');
    expect(failures).toMatch(/at .*wrong\.test\.mjs:2:/);
  });

  it.each([
    ['a hook', 'hook', '✗ hook.test.mjs > a group\n    not ready'],
    ['a file that cannot be loaded', 'broken', '✗ broken.test.mjs\n    cannot be loaded'],
    ['an error outside of any test', 'outside', '✗ outside of any test\n    too late'],
  ])('names %s', (_, file, told) => {
    const { outcome, failures } = run(file);
    expect(outcome).toMatchObject({ code: 1, failed: 1 });
    expect(failures).toContain(told);
  });

  it('says so where nothing failed, and it did not succeed either', () => {
    const { outcome, failures } = run('no-such-file');
    expect(outcome).toEqual({ code: 1, passed: 0, failed: 0, skipped: 0 });
    expect(failures).toContain('✗ vitest ended with 1, and no test failed');
  });

  it('says so where the run itself could not start', () => {
    const { outcome, failures } = run('--no-such-option');
    expect(outcome).toEqual({ code: 1, passed: 0, failed: 1, skipped: 0 });
    expect(failures).toMatch(/^✗ vitest did not come to its end: /);
  });
});
