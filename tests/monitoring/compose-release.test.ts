import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSource } from '../repository/root.ts';

type Service = {
  profiles?: string[];
  pids_limit?: number;
  mem_limit?: string;
  ports?: string[];
  tmpfs?: string[];
  networks?: string[] | Record<string, unknown>;
  environment?: Record<string, string>;
  secrets?: string[];
  labels?: Record<string, string>;
  deploy?: { resources: { limits: { memory: string } } };
};

/** `!reset` and `!override` are Compose's own tags: what they stand before is as it is without them. */
const read = (path: string) =>
  parse(readSource(path), { merge: true, logLevel: 'error' }) as { services: Record<string, Service> };
const added = read('infra/compose.sla.release.yaml').services;
const behind = read('compose.release.sla.yaml').services;
const monitoring = read('infra/compose.sla.yaml').services;
const release = read('compose.release.yaml').services;
const development = read('compose.yaml').services;
const text = readSource('infra/compose.sla.release.yaml');

const networksOf = ({ networks }: Service = {}) =>
  Array.isArray(networks) ? networks : Object.keys(networks ?? {});

/** What stands in the file of one service of it. */
const textOf = (name: string) => new RegExp(`^  ${name}:\n((?:    .*\n|\n)+)`, 'm').exec(text)?.[1] ?? '';

describe('compose.release.sla.yaml', () => {
  it('brings every service of the profile, and by itself', () => {
    expect(Object.keys(added).sort()).toEqual(Object.keys(monitoring).sort());
    for (const name of Object.keys(added)) expect(textOf(name), name).toContain('    profiles: !reset []\n');
  });

  it('bounds the processes of each', () => {
    for (const [name, { pids_limit }] of Object.entries(added)) expect(pids_limit, name).toBeGreaterThan(0);
  });

  it('believes one hop exactly where nobody but the edge can be it', () => {
    const source = readSource('compose.release.sla.yaml');
    expect(source.match(/^ {4}ports: !reset \[\]$/gm)).toHaveLength(2);
    for (const name of ['vote', 'result']) {
      expect(behind[name]!.ports).toEqual([]);
      expect(behind[name]!.environment).toEqual({ TRUST_PROXY: '1' });
      expect(release[name]!.environment!.TRUST_PROXY).toBe(`\${TRUST_PROXY:-}`);
    }
  });

  it("has vote's and result's ports at the edge, by the same variables", () => {
    expect(added.edge!.ports).toEqual([
      `\${PLAIN_HOST:+\${PLAIN_HOST:-}:}\${VOTE_PORT:-5002}:5002`,
      `\${PLAIN_HOST:+\${PLAIN_HOST:-}:}\${RESULT_PORT:-5001}:5001`,
    ]);
    expect(release.vote!.ports).toEqual([`\${VOTE_PORT:-5002}:5002`]);
    expect(release.result!.ports).toEqual([`\${RESULT_PORT:-5001}:5001`]);
    const others = Object.entries(added).filter(([name, { ports }]) => name !== 'edge' && ports);
    expect(others).toEqual([]);
  });

  it('tells the edge of vote and result what compose.yaml tells it', () => {
    for (const name of ['vote', 'result']) {
      const { 'traefik.docker.network': network, ...labels } = behind[name]!.labels!;
      const { 'traefik.docker.network': other, ...same } = development[name]!.labels!;
      expect(labels).toEqual(same);
      expect([network, other]).toEqual([
        `\${COMPOSE_PROJECT_NAME}_front`,
        `\${COMPOSE_PROJECT_NAME}_front-tier`,
      ]);
    }
  });

  it('lets each exporter reach its store, and nobody else', () => {
    const inNetwork = (network: string) =>
      Object.entries(added)
        .filter(([, service]) => networksOf(service).includes(network))
        .map(([name]) => name);
    expect(inNetwork('ballots')).toEqual(['redis-exporter']);
    expect(inNetwork('tallies')).toEqual(['postgres-exporter']);
    expect(inNetwork('limits')).toEqual([]);
    expect(inNetwork('front').sort()).toEqual(['edge', 'prometheus']);
    expect(inNetwork('metrics').sort()).toEqual(['postgres-exporter', 'prometheus', 'redis-exporter']);
    // What those have from compose.sla.yaml is taken away, not added to.
    for (const name of ['edge', 'prometheus', 'redis-exporter', 'postgres-exporter'])
      expect(textOf(name), name).toContain('    networks: !override [');
    expect(networksOf(behind.worker)).toEqual(['metrics']);
    expect(text).toContain('  metrics: { internal: true }\n');
  });

  it('looks for no forwarder, which a release has not', () => {
    expect(readSource('infra/prometheus/prometheus.yaml')).toContain(
      'job_name: ports\n    file_sd_configs: [{ files: [targets/ports.yaml] }]',
    );
    expect(added.prometheus!.tmpfs).toEqual(['/etc/prometheus/targets']);
    expect(release).not.toHaveProperty('ports');
  });

  it('holds no password that is known', () => {
    for (const name of ['redis-exporter', 'postgres-exporter']) {
      expect(textOf(name), name).toContain('    environment: !override\n');
      const passwords = Object.entries(added[name]!.environment!).filter(([key]) => /PASS/.test(key));
      expect(passwords.map(([, value]) => value)).toEqual([`/run/secrets/${added[name]!.secrets}`]);
    }
    expect(`${text}${readSource('compose.release.sla.yaml')}`).not.toMatch(/development-|:-development/);
    const [, file] = /grafana_admin_password: \{ file: '(.+)' \}/.exec(text)!;
    expect(file).toBe(`\${SECRETS_DIR:-./secrets}/grafana_admin_password`);
  });

  it('takes with the release what docs/operations.md says', () => {
    const megabytes = (value: string) => Number(/(\d+)[mM]\}?$/.exec(value)![1]);
    const sum = (sizes: string[]) => sizes.map(megabytes).reduce((total, size) => total + size);
    const { seed, ...system } = release;
    expect(seed).toBeDefined();
    const both =
      sum(Object.values(monitoring).map(({ mem_limit }) => mem_limit!)) +
      sum(Object.values(system).map(({ deploy }) => deploy!.resources.limits.memory));
    expect(both * 2 ** 20).toBeLessThanOrEqual(2.5e9);
    expect(readSource('docs/operations.md').replace(/\s+/g, ' ')).toContain('within 2.5 GB');
  });
});
