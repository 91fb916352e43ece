import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));

// The place of Docker, which would need a registry: tells what it was called with, and which images there would be.
const DOCKER = `#!/bin/sh
if [ "$4 $5" = "compose.release.yaml --print" ]; then
  echo "{\\"target\\":{\\"vote\\":{\\"tags\\":[\\"$IMAGES/vote:$TAG\\"]},\\"migrate\\":{\\"tags\\":[\\"$IMAGES/worker:$TAG\\"]},\\"worker\\":{\\"tags\\":[\\"$IMAGES/worker:$TAG\\"]}}}"
else
  echo "$TAG $REVISION $*" >> "$CALLS"
fi
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hbf-publish-'));
  cpSync(SCRIPTS, join(folder, 'scripts'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"packageManager":"pnpm@1.0.0"}');
  writeFileSync(join(folder, 'docker'), DOCKER, { mode: 0o755 });
  git('init', '--quiet');
  commit();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], {
    cwd: folder,
    encoding: 'utf8',
  }).trim();
const commit = () => {
  git('add', 'package.json');
  git('commit', '--quiet', '--allow-empty', '--message=some change');
};

/** Runs the command; resolves with its exit code, what it said, and the calls of Docker. */
function publish(env: Record<string, string> = { IMAGES: 'registry.example.org/Team/hbf' }) {
  const calls = join(folder, 'calls');
  const PATH = `${folder}${delimiter}${process.env.PATH}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/publish-images.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH, CALLS: calls, ...env },
  });
  const lines = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
  return { status, output: stdout + stderr, calls: lines };
}

const built = (version: string): string =>
  `${version} ${git('rev-parse', 'HEAD')} buildx bake --file compose.release.yaml --push --sbom=true ` +
  '--provenance=mode=max --set=*.platform=linux/amd64,linux/arm64 vote worker result seed';
const named = (version: string, app: string): string =>
  `${version} ${git('rev-parse', 'HEAD')} buildx imagetools create ` +
  `--tag registry.example.org/team/hbf/${app}:latest registry.example.org/team/hbf/${app}:${version}`;

describe('npm run publish:images', () => {
  it("builds for both processors by the commit's tag, with SBOM and provenance, and names the newest latest", () => {
    git('tag', 'v1.9.0');
    commit();
    git('tag', 'v1.10.0');
    const { status, calls } = publish();
    expect(calls).toEqual([built('1.10.0'), named('1.10.0', 'vote'), named('1.10.0', 'worker')]);
    expect(status).toBe(0);
  });

  it('names neither a pre-release latest nor a version that is older than another', () => {
    git('tag', 'v1.2.0');
    commit();
    git('tag', 'v2.0.0-rc.1');
    expect(publish().calls).toEqual([built('2.0.0-rc.1')]);
    commit();
    git('tag', 'v1.1.9');
    rmSync(join(folder, 'calls'));
    expect(publish().calls).toEqual([built('1.1.9')]);
  });

  it.each([
    ['a commit without a tag', () => {}, /has no tag of a version/],
    ['a tag that is no version', () => git('tag', 'nightly'), /has no tag of a version/],
    [
      'files that were changed since',
      () => {
        git('tag', 'v1.0.0');
        writeFileSync(join(folder, 'package.json'), '{"packageManager":"pnpm@2.0.0"}');
      },
      /changed since the commit/,
    ],
  ])('refuses %s', (_what, prepare, words) => {
    prepare();
    const { status, output, calls } = publish();
    expect(output).toMatch(words);
    expect([status, calls]).toEqual([1, []]);
  });

  it('says where IMAGES is missing', () => {
    const { status, output } = publish({});
    expect(output).toMatch(/Set IMAGES/);
    expect(status).toBe(1);
  });
});
