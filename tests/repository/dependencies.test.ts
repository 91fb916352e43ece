import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listSources, readSource } from './root.ts';

const settings = parse(readSource('pnpm-workspace.yaml')) as {
  minimumReleaseAge: number;
  blockExoticSubdeps: boolean;
  strictDepBuilds: boolean;
  trustPolicy: string;
  allowBuilds: Record<string, boolean>;
};
const lockfile = parse(readSource('pnpm-lock.yaml')) as {
  packages: Record<string, { resolution: Record<string, unknown> }>;
};
const renovate = JSON.parse(readSource('renovate.json')) as {
  minimumReleaseAge: string;
  customManagers: { managerFilePatterns: string[]; matchStrings: string[] }[];
};
const { packageManager } = JSON.parse(readSource('package.json')) as { packageManager: string };

const sources = listSources()
  .filter((path) => /(\.(mjs|ts|ya?ml|md|sh|json)|Dockerfile|\/run)$/.test(path) && path !== 'pnpm-lock.yaml')
  .filter((path) => !path.startsWith('tests/repository/'));

describe('the packages of others', () => {
  it('are settled by the lockfile: each from the registry, with the hash of its content', () => {
    const packages = Object.entries(lockfile.packages);
    expect(packages.length).toBeGreaterThan(100);
    for (const [name, { resolution }] of packages) {
      expect(Object.keys(resolution), name).toEqual(['integrity']);
      expect(resolution.integrity, name).toMatch(/^sha512-/);
    }
  });

  it('are three days old at least when they get in, by whichever way', () => {
    expect(settings.minimumReleaseAge).toBe(3 * 24 * 60);
    expect(renovate.minimumReleaseAge).toBe('3 days');
  });

  it('run no script that nobody decided about, and come with no less proof of origin than before', () => {
    expect(settings).toMatchObject({
      strictDepBuilds: true,
      blockExoticSubdeps: true,
      trustPolicy: 'no-downgrade',
    });
    // Without a word behind a name, pnpm takes it for not decided.
    const decisions = Object.entries(settings.allowBuilds).map(([name, may]) => [name, typeof may]);
    expect(decisions).toEqual(decisions.map(([name]) => [name, 'boolean']));
  });
});

describe('every installation', () => {
  it('is frozen', () => {
    // Documents tell people how to change the lockfile too.
    const programs = sources.filter((path) => !path.endsWith('.md'));
    const installations = programs.flatMap((path) =>
      readSource(path)
        .split('\n')
        .filter((line) => /pnpm(@[\d.]+)? install\b|^\s*\['install'|pnpm\(\['install'/.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(installations.length).toBeGreaterThanOrEqual(3);
    expect(installations.filter((line) => !line.includes('--frozen-lockfile'))).toEqual([]);
  });

  it('is by the very pnpm that package.json names', () => {
    const versions = sources.flatMap((path) =>
      [...readSource(path).matchAll(/\bpnpm@\d[\w.-]*/g)].map(([version]) => `${path}: ${version}`),
    );
    expect(versions.length).toBeGreaterThanOrEqual(2);
    expect(versions.filter((line) => !line.endsWith(`: ${packageManager}`))).toEqual([]);
  });

  it('is proposed anew with its version, wherever that stands: Renovate reads package.json, and is told of the others', () => {
    const named = sources.filter((path) => /\bpnpm@\d|\/binfmt:/.test(readSource(path)));
    // What a version is replaced in, by file.
    const found = renovate.customManagers.flatMap(({ managerFilePatterns, matchStrings }) =>
      sources
        .filter((path) => managerFilePatterns.some((pattern) => new RegExp(pattern.slice(1, -1)).test(path)))
        .flatMap((path) =>
          matchStrings.flatMap((text) =>
            [...readSource(path).matchAll(new RegExp(text, 'g'))].map(
              ({ groups }) => `${path}: ${groups?.currentValue}`,
            ),
          ),
        ),
    );
    const version = packageManager.replace('pnpm@', '');
    expect(found.sort()).toEqual([
      expect.stringMatching(/^\.gitlab-ci\.yml: qemu-v[\d.]+$/),
      `CONTRIBUTING.md: ${version}`,
      `infra/docker/Dockerfile: ${version}`,
    ]);
    expect(named.sort()).toEqual([
      '.gitlab-ci.yml',
      'CONTRIBUTING.md',
      'infra/docker/Dockerfile',
      'package.json',
    ]);
  });
});
