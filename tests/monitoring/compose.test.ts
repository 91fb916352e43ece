import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSource } from '../repository/root.ts';

type Service = {
  image?: string;
  profiles?: string[];
  mem_limit?: string;
  ports?: string[];
  volumes?: string[];
  tmpfs?: string[];
  networks?: string[] | Record<string, unknown>;
  read_only?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  command?: string[];
  labels?: Record<string, string>;
};

const read = (path: string) =>
  parse(readSource(path), { merge: true }) as { services: Record<string, Service> };
const { services } = read('infra/compose.sla.yaml');
const system = read('compose.yaml').services;
const all = Object.entries(services);

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

  it('leaves 700 MB of the two gigabytes for the system itself', () => {
    const megabytes = all.map(([name, { mem_limit }]) => {
      expect(mem_limit, name).toMatch(/^\d+m$/);
      return Number.parseInt(mem_limit!, 10);
    });
    expect(megabytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(2_000 - 700);
  });

  it('publishes what has no password on this machine alone', () => {
    const open = all.flatMap(([name, { ports = [] }]) =>
      ports
        .filter((port) => !port.startsWith(`\${MONITORING_HOST:-127.0.0.1}:`))
        .map((port) => `${name} ${port}`),
    );
    expect(open.map((port) => port.replace(/\$\{\w+:-(\d+)\}/, '$1'))).toEqual([
      'edge 80:80',
      'edge 443:443',
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
    expect(allowed.map((flag) => flag.split('=')[0])).toEqual(['-allowfrom', '-allowHEAD', '-allowGET']);
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
      '5002=hbf-edge:5002,vote:5002',
      '5001=hbf-edge:5001,result:5001',
    ]);
  });

  it('tries nothing twice but what only reads', () => {
    const routers = readSource('infra/traefik/routes.yaml')
      .split('\n')
      .filter((line) => /^ {4}[\w-]+: \{ entryPoints/.test(line));
    const twice = routers.filter((line) => line.includes('once-more'));
    expect(twice.length).toBe(4);
    for (const line of twice)
      expect(line).toMatch(/rule: "(\{\{ \$(vote|result) \}\} && )?\{\{ \$read \}\}"/);
    expect(readSource('infra/traefik/routes.yaml')).toContain('$read := "(Method(`GET`) || Method(`HEAD`))"');
  });

  it('has the routes of the names that Prometheus counts', () => {
    const routes = readSource('infra/traefik/routes.yaml');
    const names = [...routes.matchAll(/^ {4}((?:vote|result)[\w-]*): \{ entryPoints/gm)].map(
      ([, name]) => name!,
    );
    const [, counted] = /regex: (.+)@file$/m.exec(readSource('infra/prometheus/prometheus.yaml')) ?? [];
    const isCounted = new RegExp(`^${counted}$`);
    expect(names.length).toBe(14);
    expect(names.filter((name) => !isCounted.test(name))).toEqual(['result-live', 'result-host-live']);
  });
});
