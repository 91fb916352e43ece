import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAtEnd } from '@hbf/local-services/guardian';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSource } from '../repository/root.ts';

type Service = {
  image?: string;
  profiles?: string[];
  mem_limit?: string;
  ports?: (string | { target: number; published: string })[];
  volumes?: string[];
  tmpfs?: string[];
  networks?: string[] | Record<string, unknown>;
  read_only?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  command?: string[];
  environment?: Record<string, string>;
  cpu_shares?: number;
  labels?: Record<string, string>;
};

const read = (path: string) =>
  parse(readSource(path), { merge: true }) as { services: Record<string, Service> };
const { services } = read('infra/compose.sla.yaml');
const system = read('compose.yaml').services;
const all = Object.entries(services);
/** What runs without any profile. */
const own = Object.entries(system).filter(([, { profiles }]) => profiles === undefined);

/** What services may take together. */
const megabytes = (of: typeof all) =>
  of
    .map(([name, { mem_limit }]) => {
      expect(mem_limit, name).toMatch(/^\d+m$/);
      return Number.parseInt(mem_limit!, 10);
    })
    .reduce((sum, size) => sum + size);

describe('the profile sla', () => {
  it('is where every service of it starts, and only there', () => {
    for (const [name, { profiles }] of all) expect(profiles, name).toEqual(['sla']);
  });

  it('has pinned images, and no right that is not needed', () => {
    for (const [name, { image, read_only, cap_drop }] of all) {
      expect(image, name).toMatch(/:v?\d+(\.\d+)*(-\w+)*$/);
      expect({ name, read_only, cap_drop }).toEqual({ name, read_only: true, cap_drop: ['ALL'] });
    }
  });

  it('is within 1.5 GB, and the system itself with one replica of each too', () => {
    expect(megabytes(all) * 2 ** 20).toBeLessThanOrEqual(1.5e9);
    expect(megabytes(own) * 2 ** 20).toBeLessThanOrEqual(1.5e9);
  });

  it('waits two seconds for a store that does not answer, and fetches nothing from the internet', () => {
    expect(services['redis-exporter']!.environment!.REDIS_EXPORTER_CONNECTION_TIMEOUT).toBe('2s');
    const { search } = new URL(`postgres://${services['postgres-exporter']!.environment!.DATA_SOURCE_URI}`);
    expect(new URLSearchParams(search).get('connect_timeout')).toBe('2');
    expect(services.grafana!.environment!.GF_PLUGINS_PREINSTALL_DISABLED).toBe('true');
    expect(services.edge!.command).toContain('--global.checknewversion=false');
  });

  it('has links in its alerts that lead to where it is published', () => {
    for (const name of ['prometheus', 'alertmanager']) {
      const { command, ports } = services[name]!;
      const [, published] = /^\$\{MONITORING_HOST:-127\.0\.0\.1\}:(.+):\d+$/.exec(String(ports))!;
      expect(command).toContain(`--web.external-url=http://localhost:${published}`);
    }
  });

  it('lets voting go first where the processor is not enough for all', () => {
    for (const [name, { cpu_shares }] of all)
      expect({ name, cpu_shares }).toEqual({ name, cpu_shares: name === 'edge' ? 1024 : 128 });
    for (const [name, { cpu_shares }] of own)
      expect({ name, cpu_shares }).toEqual({ name, cpu_shares: undefined });
  });

  it('keeps the figures of 35 days, but fills no disk, and lets nobody on its networks stop it', () => {
    const flags = services.prometheus!.command!;
    expect(flags).toContain('--storage.tsdb.retention.time=35d');
    expect(flags).toContain('--storage.tsdb.retention.size=8GB');
    expect(flags.filter((flag) => /lifecycle|admin-api/.test(flag))).toEqual([]);
  });

  it('publishes what has no password on this machine alone', () => {
    const open = all.flatMap(([, { ports = [] }]) =>
      ports.filter((port) => typeof port !== 'string' || !port.startsWith(`\${MONITORING_HOST:-127.0.0.1}:`)),
    );
    expect(open).toEqual([
      `\${EDGE_HTTP_PORT:-80}:80`,
      // At no port that anybody looks for, while there are no certificates.
      { target: 443, published: `\${DOMAIN:+\${ACME_EMAIL:+\${EDGE_HTTPS_PORT:-443}}}` },
    ]);
  });

  it('gives the sockets of Docker and of containerd to their proxies alone, which let others read', () => {
    const seeing = (path: string) =>
      all.filter(([, { volumes = [] }]) => volumes.some((volume) => volume.includes(path)));
    expect(seeing('docker.sock').map(([name]) => name)).toEqual(['socket-proxy']);
    expect(seeing('CONTAINERD_FOLDER').map(([name]) => name)).toEqual(['containerd-proxy']);
    expect(seeing('/:').map(([name]) => name)).toEqual(['cadvisor']);
    expect(services.cadvisor!.tmpfs).toContain('/rootfs/run');
    // cAdvisor sees into the files of processes that can do no more than itself.
    expect(services.cadvisor).not.toHaveProperty('cap_add');
    for (const name of ['socket-proxy', 'containerd-proxy']) expect(services[name]!.cap_add).toHaveLength(1);
    const questions = readSource('infra/containerd-proxy/nginx.conf').match(/location [^{]*/g);
    expect(questions).toEqual([
      'location = /containerd.services.containers.v1.Containers/Get ',
      'location / ',
    ]);
    const allowed = services['socket-proxy']!.command!.filter((flag) => flag.startsWith('-allow'));
    expect(allowed.map((flag) => flag.split('=')[0])).toEqual([
      '-allowfrom',
      '-allowHEAD',
      '-allowGET',
      '-allowhealthcheck',
    ]);
    const withApi = all.filter(([, { networks }]) =>
      (Array.isArray(networks) ? networks : Object.keys(networks ?? {})).includes('docker-api'),
    );
    expect(withApi.map(([name]) => name).sort()).toEqual(['cadvisor', 'edge', 'socket-proxy']);
  });

  it('logs no address of a client at the edge, no path and no header', () => {
    const flags = services.edge!.command!.filter((flag) => flag.startsWith('--accesslog.fields'));
    expect(flags).toContain('--accesslog.fields.defaultmode=drop');
    expect(flags).toContain('--accesslog.fields.headers.defaultmode=drop');
    const kept = flags.flatMap((flag) => /names\.(\w+)=keep$/.exec(flag)?.[1] ?? []);
    expect(kept.filter((name) => /Client|Host|Addr|Path|Line|User/.test(name))).toEqual([]);
  });

  it('publishes the ports of vote and result by one service that knows both ways, so that they can be replicated', () => {
    expect(system.vote).not.toHaveProperty('ports');
    expect(system.result).not.toHaveProperty('ports');
    expect(system.ports!.command!.slice(2)).toEqual([
      '--while=http://hbf-edge:8080/ping',
      '5002=hbf-edge:5002,vote:5002',
      '5001=hbf-edge:5001,result:5001',
    ]);
  });

  it('has the routes of the names that Prometheus counts', () => {
    const routes = readSource('infra/traefik/routes.yaml');
    const names = [...routes.matchAll(/^ {4}((?:vote|result)[\w-]*): \{ entryPoints/gm)].map(
      ([, name]) => name!,
    );
    const [, counted] = /regex: (.+)@file$/m.exec(readSource('infra/prometheus/prometheus.yaml')) ?? [];
    const isCounted = new RegExp(`^${counted}$`);
    expect(names.length).toBe(16);
    expect(names.filter((name) => !isCounted.test(name))).toEqual([
      'result-live',
      'result-live-away',
      'result-host-live',
      'result-host-live-away',
    ]);
  });
});

describe("Grafana's start", () => {
  const folder = mkdtempSync(join(tmpdir(), 'hbf-grafana-'));
  removeAtEnd(folder);
  chmodSync(folder, 0o755);
  const file = (name: string, content: string, mode = 0o644) => {
    writeFileSync(join(folder, name), content);
    chmodSync(join(folder, name), mode);
    return join(folder, name);
  };
  /** By a user who is not root, as in the container. */
  const start = (password: string) => {
    const { status, stdout, stderr } = spawnSync('sh', ['-s', 'echo', 'Grafana runs'], {
      input: readSource('infra/grafana/start.sh'),
      env: { PATH: process.env.PATH, GF_SECURITY_ADMIN_PASSWORD__FILE: password },
      encoding: 'utf8',
      cwd: '/',
      ...(process.getuid?.() === 0 && { uid: 65_534 }),
    });
    return { status, stdout, stderr };
  };

  it('needs a password that it can read', () => {
    expect(start(file('good', 'secret\n'))).toEqual({ status: 0, stdout: 'Grafana runs\n', stderr: '' });
    for (const [path, reason] of [
      [file('empty', '\n'), /is empty/],
      [file('private', 'secret\n', 0o200), /cannot read the password. chmod 644/],
      [join(folder, 'missing'), /cannot read the password/],
    ] as const) {
      const { status, stdout, stderr } = start(path);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(reason);
      expect(stderr).not.toContain('secret');
    }
  });

  it('is by that', () => {
    expect(services.grafana).toMatchObject({ entrypoint: ['sh', '/start.sh', '/run.sh'] });
    expect(services.grafana!.volumes).toContain('./infra/grafana/start.sh:/start.sh:ro');
  });
});
