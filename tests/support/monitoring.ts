import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@hbf/drills/until';
import type { Monitoring } from '@hbf/local-services/find-monitoring';
import { freePort } from '@hbf/local-services/free-port';
import { ManagedProcess } from '@hbf/local-services/managed-process';
import { makeTestDirectory } from '@hbf/local-services/testing';
import { afterAll } from 'vitest';
import { parse, stringify } from 'yaml';
import type { System } from './system.ts';

type ScrapeConfig = {
  job_name: string;
  scrape_interval?: string;
  dns_sd_configs?: unknown;
  file_sd_configs?: unknown;
  static_configs?: { targets: string[] }[];
};
type Config = {
  global: object;
  alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
  scrape_configs: ScrapeConfig[];
};

export type Measured = { labels: Record<string, string>; value: number };

const file = (path: string) => readFileSync(path, 'utf8');
const READY_MS = 30_000;

/** The command of a service of infra/compose.sla.yaml. */
function flagsOf(service: string): string[] {
  const { services } = parse(file('infra/compose.sla.yaml'), { merge: true }) as {
    services: Record<string, { command: string[] }>;
  };
  return services[service]!.command;
}

/** Runs a program until the end of the test file. Resolves when it answers at an address of this machine. */
async function run(
  name: string,
  command: string,
  args: readonly string[],
  readyAt: string,
  env: Record<string, string> = {},
): Promise<ManagedProcess> {
  const server = new ManagedProcess({
    ...{ name, command, args, endSignal: 'SIGTERM' },
    env: { ...process.env, ...env },
  });
  afterAll(() => server.end('SIGKILL'));
  const answers = () =>
    fetch(readyAt)
      .then(({ ok }) => ok)
      .catch(() => false);
  await server.launchUntil(answers, READY_MS);
  return server;
}

type Replica = { app: string; url?: string; metricsPort: number };

/**
 * The load balancers that compose.yaml's labels describe, for replicas that run here. In containers all of an app have one
 * internal port; here each may have its own, so those that share one are a load balancer, as Docker would have it, and what
 * is above spreads over these.
 */
function servicesOf(replicas: readonly Replica[]): Record<string, unknown> {
  const { services } = parse(file('compose.yaml'), { merge: true }) as {
    services: Record<string, { labels: Record<string, string> }>;
  };
  const found: Record<string, unknown> = {};
  for (const app of ['vote', 'result']) {
    const labels = services[app]!.labels;
    const ofApp = replicas.filter((replica) => replica.app === app);
    const ports = [...new Set(ofApp.map(({ metricsPort }) => metricsPort))];
    const names = Object.keys(labels).flatMap(
      (label) => /services\.(.+)\.loadbalancer\.server\.port$/.exec(label)?.[1] ?? [],
    );
    for (const name of names) {
      const label = (key: string) => labels[`traefik.http.services.${name}.loadbalancer.${key}`]!;
      const check = (key: string) => label(`healthcheck.${key}`);
      for (const port of ports)
        found[`${name}-docker-${port}`] = {
          loadBalancer: {
            servers: ofApp.filter(({ metricsPort }) => metricsPort === port).map(({ url }) => ({ url })),
            serversTransport: label('serverstransport').replace('@file', ''),
            healthCheck: {
              path: check('path'),
              port,
              interval: check('interval'),
              timeout: check('timeout'),
            },
          },
        };
      found[`${name}-docker`] = {
        weighted: {
          services: ports.map((port) => ({ name: `${name}-docker-${port}`, weight: 1 })),
          healthCheck: {},
        },
      };
    }
  }
  return found;
}

/**
 * The edge of infra, with its own routes and settings, in front of the replicas that run here: without Docker, which would name
 * them, their addresses are written down. Docker's DNS would know the first of each app by its name.
 * @param env DOMAIN and ACME_EMAIL. No authority is asked: its address is one of this machine, where nobody is.
 * @param told whether it is told of the replicas from the start, or only when the test has `tell` called.
 */
export async function startEdge(
  command: string,
  { replicas }: { replicas: readonly Replica[] },
  { env = {}, told = true }: { env?: Record<string, string>; told?: boolean } = {},
) {
  const folder = makeTestDirectory('edge');
  const accessLog = join(makeTestDirectory('access-log'), 'access.log');
  const certificates = join(makeTestDirectory('certificates'), 'acme.json');
  const ports = Array.from({ length: 6 }, freePort);
  const [vote, result, web, secure, api, authority] = await Promise.all(ports);
  const named = (app: string, otherwise: string) =>
    replicas.find((replica) => replica.app === app)?.url ?? otherwise;
  writeFileSync(
    join(folder, 'routes.yaml'),
    file('infra/traefik/routes.yaml')
      .replaceAll('@docker', '-docker')
      .replaceAll(/http:\/\/(vote|result):\d+/g, (url, app) => named(app, url)),
  );
  const tell = () =>
    writeFileSync(join(folder, 'replicas.yaml'), stringify({ http: { services: servicesOf(replicas) } }));
  if (told) tell();
  const flags = flagsOf('edge')
    .filter((flag) => !/providers\.(docker|file)/.test(flag))
    .map((flag) =>
      flag
        .replace('=:5002', `=127.0.0.1:${vote}`)
        .replace('=:5001', `=127.0.0.1:${result}`)
        .replace('=:80', `=127.0.0.1:${web}`)
        .replace('=:443', `=127.0.0.1:${secure}`)
        .replace('/certificates/acme.json', certificates)
        .replace(/\$\{(\w+):-\}/, (_, name) => env[name] ?? ''),
    );
  await run(
    'the edge',
    command,
    [
      ...flags,
      `--providers.file.directory=${folder}`,
      `--entrypoints.traefik.address=127.0.0.1:${api}`,
      `--accesslog.filepath=${accessLog}`,
      `--certificatesresolvers.acme.acme.caserver=https://127.0.0.1:${authority}/directory`,
    ],
    `http://127.0.0.1:${api}/ping`,
    { DOMAIN: '', ACME_EMAIL: '', ...env },
  );
  return {
    voteUrl: `http://127.0.0.1:${vote}`,
    resultUrl: `http://127.0.0.1:${result}`,
    webUrl: `http://127.0.0.1:${web}`,
    secureUrl: `https://127.0.0.1:${secure}`,
    target: `127.0.0.1:${api}`,
    /** The lines of its access log so far. */
    accessLog: () => file(accessLog).split('\n').filter(Boolean),
    /** Tells it of all replicas, as Docker does when it answers again. */
    tell,
  };
}

type Addresses = { voteUrl: string; resultUrl: string };

/** What compose.yaml's `ports` does: leads to the edge, where there is one, and past it to the apps. */
export async function startPorts(edge: (Addresses & { target: string }) | undefined, apps: Addresses) {
  const [vote, result, metrics] = [await freePort(), await freePort(), await freePort()];
  const ways = (app: 'voteUrl' | 'resultUrl') =>
    [edge, apps].flatMap((place) => (place ? new URL(place[app]).host : [])).join();
  await run(
    'the ports',
    process.execPath,
    [
      'scripts/forward-ports.mjs',
      ...(edge ? [`--while=http://${edge.target}/ping`] : []),
      `${vote}=${ways('voteUrl')}`,
      `${result}=${ways('resultUrl')}`,
    ],
    `http://127.0.0.1:${metrics}/healthz`,
    { METRICS_PORT: String(metrics) },
  );
  return {
    voteUrl: `http://127.0.0.1:${vote}`,
    resultUrl: `http://127.0.0.1:${result}`,
    target: `127.0.0.1:${metrics}`,
  };
}

/**
 * cAdvisor as infra has it, but that it looks every second, and asks the Docker of this machine, or none where none answers.
 * @returns its target.
 */
export async function startCadvisor(command: string): Promise<string> {
  const port = await freePort();
  const flags = flagsOf('cadvisor')
    .filter((flag) => !flag.startsWith('--docker='))
    .map((flag) => flag.replace('--housekeeping_interval=15s', '--housekeeping_interval=1s'));
  await run(
    'cAdvisor',
    command,
    ['-logtostderr', ...flags, '--listen_ip=127.0.0.1', `--port=${port}`],
    `http://127.0.0.1:${port}/healthz`,
  );
  return `127.0.0.1:${port}`;
}

/** The exporters of the stores, as infra has them. @returns their targets. */
export async function startExporters(programs: Monitoring, system: System) {
  const [redis, postgres] = [await freePort(), await freePort()];
  await run(
    'the exporter of Redis',
    programs.redisExporter,
    [`--redis.addr=${system.redis.url}`, `--web.listen-address=127.0.0.1:${redis}`],
    `http://127.0.0.1:${redis}/metrics`,
  );
  await run(
    'the exporter of PostgreSQL',
    programs.postgresExporter,
    [`--web.listen-address=127.0.0.1:${postgres}`],
    `http://127.0.0.1:${postgres}/metrics`,
    { DATA_SOURCE_NAME: `${system.postgres.url}?sslmode=disable` },
  );
  return { redis: `127.0.0.1:${redis}`, postgres: `127.0.0.1:${postgres}` };
}

/** Alertmanager and the receiver that logs, which hands all on to one webhook. @returns where alerts are sent to. */
export async function startAlertmanager(programs: Monitoring, webhook: string) {
  const folder = makeTestDirectory('alertmanager');
  const [log, port] = [await freePort(), await freePort()];
  await run(
    'the receiver that logs',
    process.execPath,
    ['infra/alertmanager/alert-log.mjs'],
    `http://127.0.0.1:${log}/`,
    { PORT: String(log), ALERT_WEBHOOK_URL: webhook, WATCHDOG_WEBHOOK_URL: webhook },
  );
  const config = file('infra/alertmanager/alertmanager.yaml')
    .replaceAll('http://alert-log:9094/', `http://127.0.0.1:${log}/`)
    .replace('group_interval: 15s', 'group_interval: 5s');
  writeFileSync(join(folder, 'alertmanager.yaml'), config);
  await run(
    'Alertmanager',
    programs.alertmanager,
    [
      `--config.file=${join(folder, 'alertmanager.yaml')}`,
      `--storage.path=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    `http://127.0.0.1:${port}/-/ready`,
  );
  return `127.0.0.1:${port}`;
}

/**
 * Prometheus with the configuration and the rules of infra, but for three things: targets are told by their addresses, it
 * looks every second, and what is counted over five minutes is counted over 30 s, so that a test sees it begin and end.
 * @param targets those of each job; a job without any is left out.
 */
export async function startPrometheus(
  programs: Monitoring,
  targets: Record<string, readonly string[]>,
  alertmanager: string,
  runbookUrl: string,
) {
  const folder = makeTestDirectory('prometheus');
  mkdirSync(join(folder, 'rules'));
  for (const name of ['sla', 'alerts']) {
    const rules = file(`infra/prometheus/rules/${name}.yaml`)
      .replaceAll('interval: 1m', 'interval: 1s')
      .replaceAll('[5m]', '[30s]')
      .replaceAll('offset 5m', 'offset 30s')
      .replaceAll(') / 300', ') / 30')
      .replace(/\d+ \* (sum_over_time\(\S+\[\w+):\w+\]/g, '30 * $1:30s]')
      .replaceAll('* 300 >= 20', '* 30 >= 20');
    writeFileSync(join(folder, 'rules', `${name}.yaml`), rules);
  }
  const config = parse(file('infra/prometheus/prometheus.yaml')) as Config;
  const port = await freePort();
  Object.assign(config.global, { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' });
  config.alerting.alertmanagers = [{ static_configs: [{ targets: [alertmanager] }] }];
  const all: Record<string, readonly string[]> = {
    ...targets,
    alertmanager: [alertmanager],
    prometheus: [`127.0.0.1:${port}`],
  };
  config.scrape_configs = config.scrape_configs
    .filter(({ job_name }) => all[job_name] !== undefined)
    .map(({ dns_sd_configs: _, file_sd_configs: __, scrape_interval: ___, ...job }) => ({
      ...job,
      static_configs: [{ targets: [...all[job.job_name]!] }],
    }));
  writeFileSync(join(folder, 'prometheus.yaml'), stringify(config));
  const url = `http://127.0.0.1:${port}`;
  await run(
    'Prometheus',
    programs.prometheus,
    [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // As from version 3 on it is.
      '--enable-feature=expand-external-labels',
    ],
    `${url}/-/ready`,
    { RUNBOOK_URL: runbookUrl },
  );
  const ask = async (path: string) => {
    const response = await fetch(`${url}/api/v1/${path}`);
    const body = (await response.json()) as { status: string; error?: string; data: unknown };
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`);
    return body.data;
  };
  const query = async (expr: string): Promise<Measured[]> => {
    const { result } = (await ask(`query?query=${encodeURIComponent(expr)}`)) as {
      result: { metric: Record<string, string>; value: [number, string] }[];
    };
    return result.map(({ metric, value: [, text] }) => ({ labels: metric, value: Number(text) }));
  };
  return {
    query,
    /** The rules, with what became of them when they were last evaluated. */
    async rules() {
      const { groups } = (await ask('rules')) as {
        groups: {
          rules: { name: string; query: string; type: string; health: string; lastError?: string }[];
        }[];
      };
      return groups.flatMap(({ rules }) => rules);
    },
    untilFires: (alert: string, fires = true) =>
      until(
        `${alert} ${fires ? 'fires' : 'fires no more'}`,
        async () => (await query(`ALERTS{alertname="${alert}", alertstate="firing"}`)).length > 0 === fires,
        120_000,
        500,
      ),
  };
}
