import { MONITORING_PACKAGES } from '@hbf/local-services/find-monitoring';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSource } from './root.ts';

/** What continuous integration outside runs; nobody here sees it fail. */
const GITHUB = '.github/workflows/ci.yml';
const GITLAB = '.gitlab-ci.yml';

interface Step {
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: Record<string, unknown>;
}
interface Job {
  permissions?: Record<string, string>;
  'timeout-minutes'?: number;
  if?: string;
  needs?: string[];
  strategy?: { matrix: { node: string[] } };
  steps: Step[];
}

const { scripts } = JSON.parse(readSource('package.json')) as { scripts: Record<string, string> };
const workflow = parse(readSource(GITHUB)) as {
  on: Record<string, unknown>;
  permissions: object;
  jobs: Record<string, Job>;
};
const jobs = Object.entries(workflow.jobs);
const gitlab = parse(readSource(GITLAB)) as Record<
  string,
  {
    script?: string[];
    before_script?: string[];
    variables?: Record<string, string>;
    parallel?: { matrix: { NODE: string[] }[] };
    rules?: unknown;
  }
>;

/** The commands of the root that a text runs. */
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map(([, name]) => name as string).sort();

const ofGithub = jobs.flatMap(([, job]) => job.steps.flatMap(({ run }) => commandsIn(run ?? '')));
const ofGitlab = Object.values(gitlab).flatMap(({ script }) => commandsIn((script ?? []).join('\n')));

describe('both pipelines', () => {
  it('run the same commands of the project, and each of them exists', () => {
    expect(ofGithub.sort()).toEqual(['audit', 'fetch:traefik', 'publish:images', 'test', 'test:compose']);
    expect(ofGitlab.sort()).toEqual(ofGithub.sort());
    for (const command of ofGithub) expect(Object.keys(scripts)).toContain(command);
  });

  it('test on the oldest Node that we promise to run on, and on those of the images', () => {
    const { engines } = JSON.parse(readSource('package.json')) as { engines: { node: string } };
    const oldest = /^>=(\d+)\./.exec(engines.node)?.[1];
    const ofImages = /^FROM node:(\d+)-/m.exec(readSource('infra/docker/Dockerfile'))?.[1];
    for (const versions of [
      workflow.jobs.test?.strategy?.matrix.node,
      gitlab.test?.parallel?.matrix[0]?.NODE,
    ]) {
      expect(versions).toContain(oldest);
      expect(versions).toContain(ofImages);
    }
  });

  it('leave out no test of the browser, the monitoring or the edge: what those need is installed, or its lack is an error', () => {
    const steps = workflow.jobs.test!.steps;
    const before = (commands: string[]) => commands.slice(0, commands.indexOf('npm test')).join('\n');
    const pipelines = [
      { commands: steps.map(({ run = '' }) => run), env: steps.find(({ run }) => run === 'npm test')!.env },
      {
        commands: [...gitlab.test!.before_script!, ...gitlab.test!.script!],
        env: gitlab.test!.variables,
      },
    ];
    for (const { commands, env } of pipelines) {
      const installed = before(commands).split(/\s+/);
      for (const name of ['redis-server', ...MONITORING_PACKAGES]) expect(installed).toContain(name);
      expect(before(commands)).toContain('npm run fetch:traefik');
      expect(env).toMatchObject({
        CHROMIUM_PATH: expect.stringMatching(/^\/usr\/bin\/\w/),
        TRAEFIK_PATH: '.local/bin/traefik',
      });
      for (const name of ['HBF_NO_BROWSER', 'HBF_NO_INSTALL', 'HBF_NO_MONITORING'])
        expect(env).not.toHaveProperty(name);
    }
  });

  it('publish for a version alone', () => {
    expect(workflow.jobs.publish?.if).toBe("github.event_name == 'release'");
    expect(gitlab.publish?.rules).toEqual([{ if: expect.stringMatching(/^\$CI_COMMIT_TAG =~ /) }]);
  });
});

describe('the workflow of GitHub', () => {
  it('takes actions by commit alone, and says which version that is', () => {
    const uses = readSource(GITHUB)
      .split('\n')
      .filter((line) => /^\s*(- )?uses:/.test(line));
    expect(uses.length).toBeGreaterThan(5);
    for (const line of uses) expect(line).toMatch(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+/);
  });

  it('gives its jobs the right to read, and to publishing alone that to push images', () => {
    expect(workflow.permissions).toEqual({});
    for (const [name, { permissions }] of jobs)
      expect(permissions, name).toEqual(
        name === 'publish' ? { contents: 'read', packages: 'write' } : { contents: 'read' },
      );
  });

  it('hands no secret to code of a pull request', () => {
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    expect(Object.keys(workflow.on)).not.toContain('workflow_run');
    for (const [name, job] of jobs) {
      const text = JSON.stringify(job);
      if (name !== 'publish') expect(text, name).not.toMatch(/secrets\.|github\.token/);
      for (const { uses, with: options } of job.steps)
        if (uses?.startsWith('actions/checkout@'))
          expect(options, name).toMatchObject({ 'persist-credentials': false });
    }
  });

  it('puts nothing that others can write into a command', () => {
    for (const [name, { steps }] of jobs)
      for (const { run = '' } of steps) expect(run, name).not.toContain('${{');
  });

  it('ends every job in bounded time, and publishes only what passed the others', () => {
    for (const [name, job] of jobs) expect(job['timeout-minutes'], name).toBeLessThanOrEqual(90);
    expect(workflow.jobs.publish?.needs?.toSorted()).toEqual(
      jobs
        .map(([name]) => name)
        .filter((name) => name !== 'publish')
        .sort(),
    );
  });
});
