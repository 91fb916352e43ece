import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));

/** What pnpm answers where nothing is wrong, by the beginning of its arguments: exit code and output. */
const FINE: Record<string, [number, string]> = {
  'install --frozen-lockfile --lockfile-only': [0, ''],
  'install ': [0, ''],
  'audit --prod': [0, 'No known vulnerabilities found'],
  'audit --dev': [0, 'No known vulnerabilities found'],
  'licenses ': [0, 'npm warn something\n{"MIT":[{"name":"a"}],"(MIT OR GPL-3.0)":[{"name":"b"}]}'],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hbf-audit-'));
  cpSync(SCRIPTS, join(folder, 'scripts'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"packageManager":"pnpm@1.0.0"}');
  for (const name of ['packages', 'apps', 'drills']) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command with a pnpm that gives these answers, since the real one would need a registry that has them. */
function audit(answers: Record<string, [number, string]> = {}, ...args: string[]) {
  const cases = Object.entries({ ...FINE, ...answers }).map(([asked, [code, output]], index) => {
    writeFileSync(join(folder, `answer-${index}`), `${output}\n`);
    return `"${asked}"*) cat "${folder}/answer-${index}"; echo "asked: $*" >&2; exit ${code};;`;
  });
  // Before it stand --yes and pnpm's own name.
  writeFileSync(join(folder, 'npx'), `#!/bin/sh\nshift 2\ncase "$*" in\n${cases.join('\n')}\nesac\n`, {
    mode: 0o755,
  });
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/audit.mjs', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` },
  });
  return { status, output: stdout + stderr };
}

const FOUND: [number, string] = [1, '1 vulnerabilities found\nSeverity: 1 high'];
const NO_ANSWER: [number, string] = [1, 'ERR_PNPM_AUDIT_BAD_RESPONSE responded with 405'];

describe('npm run audit', () => {
  it('exits with 0 where nothing is known against anything', () => {
    const { status, output } = audit();
    expect(output.match(/✓/g)).toHaveLength(4);
    expect(status).toBe(0);
  });

  it.each([
    ['audit --prod', FOUND, /✗ No known vulnerability in what runs in production\n1 vulnerabilities found/],
    ['audit --dev', FOUND, /✗ None of high severity in what only builds and tests/],
    [
      'install --frozen-lockfile --lockfile-only',
      [1, 'ERR_PNPM_MINIMUM_RELEASE_AGE_VIOLATION left-pad@9.9.9'],
      /✗ The lockfile keeps .*\n.*left-pad@9\.9\.9/,
    ],
    [
      'licenses ',
      [0, '{"MIT AND GPL-3.0":[{"name":"the-culprit"}]}'],
      /✗ The licences .*\n.*\n.*the-culprit/,
    ],
  ] satisfies [string, [number, string], RegExp][])(
    'exits with 1 and says what was found by %s',
    (which, answer, words) => {
      const { status, output } = audit({ [which]: answer });
      expect(output).toMatch(words);
      expect(status).toBe(1);
    },
  );

  it('exits with 2 where the registry tells nothing of vulnerabilities, and names another', () => {
    const { status, output } = audit({ 'audit --prod': NO_ANSWER });
    expect(output).toMatch(/\? No known .*\n.*may lack that service.*\n.*--registry https:/);
    expect(output).toMatch(/Not everything could be checked/);
    expect(status).toBe(2);
  });

  it('exits with 1 where something was found, whatever else could not be checked', () => {
    expect(audit({ 'audit --prod': FOUND, 'audit --dev': NO_ANSWER }).status).toBe(1);
    expect(audit({ 'audit --prod': NO_ANSWER, 'audit --dev': FOUND }).status).toBe(1);
  });

  it('asks the registry that it is told', () => {
    const { output } = audit({ 'audit --prod': FOUND }, '--', '--registry', 'https://registry.example.org/');
    expect(output).toContain('asked: audit --prod --registry https://registry.example.org/');
  });
});
