import { join } from 'node:path';
import { docker } from '@hbf/drills/system/compose/docker';
import { ROOT } from '@hbf/drills/system/project';
import { until } from '@hbf/drills/until';
import { freePort } from '@hbf/local-services/free-port';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVoting } from '../support/voting.ts';
import { run } from './support/containers.ts';
import { findLacking } from './support/images.ts';
import { createRelease } from './support/release.ts';

const OVERLAY = 'compose.release.sla.yaml';
const LOGS = join(ROOT, 'test-results/compose/edge');
/** Without which there is nothing to test; the others (a browser's dashboards, what sends alerts) have tests of their own. */
const NEEDED = ['edge', 'socket-proxy', 'prometheus', 'redis-exporter', 'postgres-exporter'];
const PER_MINUTE = 5;

const ports = new Set<number>();
while (ports.size < 7) ports.add(await freePort());
const [http, https, dashboard, prometheus, alertmanager, grafana, cadvisor] = [...ports].map(String);
const release = await createRelease({
  overlays: [OVERLAY],
  env: {
    EDGE_HTTP_PORT: http!,
    EDGE_HTTPS_PORT: https!,
    EDGE_DASHBOARD_PORT: dashboard!,
    PROMETHEUS_PORT: prometheus!,
    ALERTMANAGER_PORT: alertmanager!,
    GRAFANA_PORT: grafana!,
    CADVISOR_PORT: cadvisor!,
    MONITORING_HOST: '127.0.0.1',
    PLAIN_HOST: '',
    DOMAIN: '',
    ACME_EMAIL: '',
    VOTE_REPLICAS: '3',
    RESULT_REPLICAS: '1',
    LIMIT_ADDRESS_PER_MINUTE: String(PER_MINUTE),
  },
});
const { project } = release;
afterAll(() => release.close());
const lacking = await findLacking(project, NEEDED);

/** Somebody elsewhere, with an address of their own: a container in the network that voters come from. */
async function startClient(name: string): Promise<{ container: string; address: string }> {
  const container = `${project.name}-${name}`;
  const network = `${project.name}_front`;
  await docker([
    ...['run', '--detach', '--name', container, '--network', network, '--entrypoint', 'sleep'],
    ...[release.image('vote'), 'infinity'],
  ]);
  const address = await docker([
    ...['inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container],
  ]);
  return { container, address: address.trim() };
}

/** Each ballot is a new voter's, and claims to be sent on for somebody else. */
const CAST = `
  const poll = process.argv[1] + '/api/polls/best-friend';
  const statuses = [];
  for (let i = 1; i <= Number(process.argv[2]); i += 1) {
    const cookie = (await fetch(poll)).headers.get('set-cookie').split(';')[0];
    const { status } = await fetch(poll + '/ballots', {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.' + i, 'x-real-ip': '203.0.113.' + i },
      body: '{"choices":["a"]}',
    });
    statuses.push(status);
  }
  console.log(JSON.stringify(statuses));`;

async function cast(container: string, count: number, at = 'http://edge:5002'): Promise<number[]> {
  const nodeCommand = ['node', '--input-type=module', '--eval', CAST, at, String(count)];
  return JSON.parse(await run(container, ...nodeCommand));
}

/** @returns the value of each series, by its labels that are named. */
async function ask(query: string, label: string): Promise<Map<string, number>> {
  const url = `http://127.0.0.1:${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`;
  const { data } = (await (await fetch(url)).json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return new Map(data.result.map(({ metric, value }) => [metric[label] ?? '', Number(value[1])]));
}

if (lacking.length > 0) console.error(`Left out, as these have no image here: ${lacking.join(', ')}`);

describe.skipIf(lacking.length > 0)('a release behind its edge', () => {
  const voting = createVoting(release);
  const clients: string[] = [];

  beforeAll(async () => {
    await release.build();
    await release.up('vote', 'result', 'worker', ...NEEDED);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    await release.saveLogs(LOGS);
    console.error(`The containers' logs are in ${LOGS}`);
  });
  afterAll(async () => {
    if (clients.length > 0) await docker(['rm', '--force', ...clients]);
  });

  const untilLed = () =>
    until('the edge leads to three votes', async () => {
      const text = await (await fetch(`http://127.0.0.1:${dashboard}/api/http/services/vote@docker`)).text();
      return (text.match(/"UP"/g) ?? []).length === 3;
    });

  it('publishes nothing but the edge to others', async () => {
    const ids = await docker(['ps', '--quiet', `--filter=label=com.docker.compose.project=${project.name}`]);
    const all = JSON.parse(await docker(['inspect', ...ids.trim().split('\n')])) as {
      Config: { Labels: Record<string, string> };
      HostConfig: { PortBindings: Record<string, { HostIp: string }[]> | null };
    }[];
    const open = all.flatMap(({ Config, HostConfig }) =>
      Object.entries(HostConfig.PortBindings ?? {}).flatMap(([port, bindings]) =>
        bindings.some(({ HostIp }) => HostIp !== '127.0.0.1')
          ? [`${Config.Labels['com.docker.compose.service']} ${port}`]
          : [],
      ),
    );
    expect(open.sort()).toEqual(['edge 443/tcp', 'edge 5001/tcp', 'edge 5002/tcp', 'edge 80/tcp']);
  });

  it('takes ballots again as soon as its edge is back, and has lost none', async () => {
    await untilLed();
    const voters = await voting.start(4);
    await voters.untilAccepted(20);
    await project.compose('kill', '--signal', 'SIGKILL', 'edge');
    await project.compose('start', 'edge');
    await voters.untilAccepted(50, 60_000);
    // It counts all ballots: nobody else may have voted before.
    expect(await voting.finish()).toEqual([]);
  });

  it("tells vote each voter's own address, whatever else they claim, and writes it nowhere", async () => {
    const [one, other] = [await startClient('one'), await startClient('other')];
    clients.push(one.container, other.container);
    expect(one.address).not.toBe(other.address);
    await untilLed();
    // Counted together by all three, and nobody else pays.
    const accepted = Array.from({ length: PER_MINUTE }, () => 202);
    expect(await cast(one.container, PER_MINUTE + 2)).toEqual([...accepted, 429, 429]);
    expect(await cast(other.container, PER_MINUTE + 1)).toEqual([...accepted, 429]);
    const { output } = await project.tryCompose('logs', '--no-color');
    expect(output).toContain('"RouterName":"vote@file"');
    for (const address of [one.address, other.address, '203.0.113.']) expect(output).not.toContain(address);
  });

  it("is measured: every target of the release that runs answers, and both stores to a user of the exporters' own", async () => {
    const jobs = ['edge', 'postgres', 'prometheus', 'redis', 'result', 'vote', 'worker'];
    await until('they are up, three replicas of vote among them', async () => {
      const up = await ask('sum by (job) (up)', 'job');
      return jobs.every((job) => up.get(job) === (job === 'vote' ? 3 : 1));
    });
    await until('both exporters are let in', async () => {
      const both = [...(await ask('redis_up', 'job')), ...(await ask('pg_up', 'job'))];
      return both.length === 2 && both.every(([, up]) => up === 1);
    });
    const pages = 'ALERTS{alertstate="firing",severity="page"}';
    await until('nobody is paged', async () => (await ask(pages, 'alertname')).size === 0);
    expect(await ask('redis_memory_max_bytes', 'job')).toEqual(new Map([['redis', 72 * 2 ** 20]]));
    expect((await ask('pg_database_size_bytes', 'datname')).get('hbf')).toBeGreaterThan(1e6);
    await until('the ballots that came through the edge are counted for the SLA', async () => {
      return ((await ask('sum by (app) (traefik_router_requests_total)', 'app')).get('vote') ?? 0) > 10;
    });
  });

  it('pages somebody when the edge is gone, and goes back to ports of its own by the other file alone', async () => {
    await project.compose('stop', 'edge');
    const fires = 'ALERTS{alertname="EdgeIsGone",alertstate="firing"}';
    await until('EdgeIsGone fires', async () => (await ask(fires, 'alertname')).size === 1, 90_000);
    const file = ['--project-name', project.name, '--file', join(ROOT, 'compose.release.yaml')];
    await docker(['compose', ...file, 'up', '--detach', '--no-build', '--wait', 'vote', 'result'], {
      ...process.env,
      ...release.env,
    });
    expect((await fetch(release.voteUrl)).status).toBe(200);
    expect((await fetch(release.resultUrl)).status).toBe(200);
    // Nobody stands in front any more: a voter who names others is one network still.
    const [address] = clients;
    const statuses = await cast(address!, PER_MINUTE + 1, 'http://vote:5002');
    expect(statuses.at(-1)).toBe(429);
  });
});
