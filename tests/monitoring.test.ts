/**
 * The monitoring as it is in infra, on real apps under real load: every expression has data, an alert fires when vote is
 * slow or gone, arrives at a webhook, and ends. The edge is there where Traefik is (TRAEFIK_PATH, or on the PATH), cAdvisor
 * where that is (CADVISOR_PATH, or on the PATH), people in browsers where Chromium is; Grafana is not.
 * What needs one that is not there is left out visibly.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '@hbf/drills/until';
import { findChromium } from '@hbf/local-services/find-chromium';
import { findCommand } from '@hbf/local-services/find-command';
import { findMonitoring } from '@hbf/local-services/find-monitoring';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCrowd } from './support/crowd.ts';
import {
  startAlertmanager,
  startCadvisor,
  startEdge,
  startExporters,
  startPorts,
  startPrometheus,
} from './support/monitoring.ts';
import { selectorsIn } from './support/promql.ts';
import { createSystem, withRedis } from './support/system.ts';

const POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
`;
const programs = process.env.HBF_NO_MONITORING === '1' ? undefined : findMonitoring();
const traefik = process.env.TRAEFIK_PATH || findCommand(['traefik']);
const cadvisor = process.env.CADVISOR_PATH || findCommand(['cadvisor']);
/** The profile sla runs here in containers, and cAdvisor may read what Docker knows of them: that is root's. */
const containers =
  process.getuid?.() === 0 &&
  spawnSync('docker', ['ps', '--quiet', '--filter', 'label=com.docker.compose.service=socket-proxy'], {
    encoding: 'utf8',
  }).stdout?.trim();

const chromium = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();
const RUNBOOK = 'https://example.org/docs/runbook.md';

const NOT_HERE: [what: string, needed: RegExp, here: boolean][] = [
  // The machine's own series need cAdvisor alone.
  ['cAdvisor', /\b(container|machine)_|job="machine"/, cadvisor !== undefined],
  ['the profile in containers', /\bcontainer_label_com_docker_compose_/, Boolean(containers)],
  // With version 1, newer kernels count no bytes.
  [
    'control groups of version 2',
    /\bcontainer_fs_writes_bytes/,
    existsSync('/sys/fs/cgroup/cgroup.controllers'),
  ],
  ['the edge', /\btraefik_|\bsla:|job="edge"/, traefik !== undefined],
  ['Chromium', /\bcrowd_page/, chromium !== undefined],
];
const lacks = (expr: string) => NOT_HERE.find(([, needed, here]) => !here && needed.test(expr))?.[0];

const panels = ['sla', 'ballots', 'machines'].flatMap((name) => {
  const { panels } = JSON.parse(readFileSync(`infra/grafana/dashboards/${name}.json`, 'utf8')) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ panel: `${name}: ${title}`, expr })),
  );
});

describe.skipIf(!programs)('the monitoring', async () => {
  if (!programs) return;
  const system = await createSystem({ polls: POLLS });
  // As a release has it; without, nothing could be near it.
  await withRedis(system.redis.url, (client) => client.config('SET', 'maxmemory', '200mb'));
  const [voteA, voteB, worker] = [
    await system.add('vote'),
    await system.add('vote'),
    await system.add('worker'),
  ];
  await Promise.all([voteA, voteB, worker].map((service) => service.untilReady()));
  const edge = traefik === undefined ? undefined : await startEdge(traefik, system);
  const at = await startPorts(edge, system);

  const bodies: string[] = [];
  const webhook = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    bodies.push(body);
    res.end();
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  afterAll(() => webhook.close());
  type Alert = { status: string; labels: Record<string, string>; annotations: Record<string, string> };
  const untilArrives = (alert: string, status: string) =>
    until(
      `"${alert} ${status}" arrives at the webhook`,
      () =>
        bodies
          .flatMap((body) => JSON.parse(body).alerts as Alert[])
          .find((one) => one.status === status && one.labels.alertname === alert),
      60_000,
      200,
    );

  const alertmanager = await startAlertmanager(
    programs,
    `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
  );
  const crowd = await startCrowd(['load', '--rate', '10', '--duration', '3600', '--watchers', '3'], at);
  afterAll(() => crowd.stop());
  const people = chromium
    ? await startCrowd(['browse', '--voters', '1', '--duration', '3600', '--think', '1'], at, {
        CHROMIUM_PATH: chromium,
      })
    : undefined;
  afterAll(() => people?.stop());
  const internal = (app: string) =>
    system.replicas
      .filter((replica) => replica.app === app)
      .map(({ metricsPort }) => `127.0.0.1:${metricsPort}`);
  const database = new URL(system.postgres.url).pathname.slice(1);
  const exporters = await startExporters(programs, system);
  const prometheus = await startPrometheus(
    programs,
    {
      vote: internal('vote'),
      result: internal('result'),
      worker: internal('worker'),
      crowd: [crowd, people].flatMap((one) => (one ? `127.0.0.1:${one.metricsPort}` : [])),
      redis: [exporters.redis],
      postgres: [exporters.postgres],
      ...(edge && { edge: [edge.target] }),
      ports: [at.target],
      ...(cadvisor && { machine: [await startCadvisor(cadvisor)] }),
    },
    alertmanager,
    RUNBOOK,
  );

  const untilHasValue = (expr: string, withinMs: number) =>
    until(
      `${expr} has a value`,
      async () => (await prometheus.query(expr)).some(({ value }) => !Number.isNaN(value)),
      withinMs,
      250,
    );

  beforeAll(async () => {
    await until(
      'rates of a minute are there, of ballots too',
      async () => (await prometheus.query('sum(rate(tally_freshness_seconds_count[1m])) > 0')).length > 0,
      60_000,
      250,
    );
  });

  describe.each(panels)('the panel "$panel"', ({ expr }) => {
    const missing = lacks(expr);
    it.skipIf(missing !== undefined)(
      `has data: ${expr}${missing ? ` (without ${missing})` : ''}`,
      async () => {
        // The database has another name here.
        const asked = expr.replaceAll('datname="hbf"', `datname="${database}"`);
        await untilHasValue(asked, 30_000);
      },
    );
  });

  it('has no rule that fails', async () => {
    const rules = await until('every rule was evaluated', async () => {
      const all = await prometheus.rules();
      return all.every(({ health }) => health !== 'unknown') && all;
    });
    expect(rules.length).toBeGreaterThan(40);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  it('has a value of each ratio and number that is recorded', async () => {
    const recorded = (await prometheus.rules()).filter(
      ({ type, name }) => type === 'recording' && !lacks(name),
    );
    for (const { name } of recorded) await untilHasValue(name, 60_000);
  });

  it('hears Watchdog at the webhook', async () => {
    await untilArrives('Watchdog', 'firing');
  });

  it.skipIf(edge === undefined)(
    'fires when vote is slow, tells so at the webhook, and ends',
    async () => {
      // A browser alone would make a small machine slow.
      people?.stop();
      // A busy machine has both while everything starts.
      for (const alert of ['TooManyErrorsNow', 'TooSlowNow']) await prometheus.untilFires(alert, false);
      for (const vote of [voteA, voteB]) await system.remove(vote);
      const slow = [
        await system.add('vote', { env: { HBF_FAULT_DELAY_MS: '300' } }),
        await system.add('vote', { env: { HBF_FAULT_DELAY_MS: '300' } }),
      ];
      await prometheus.untilFires('TooSlowNow');
      await untilArrives('TooSlowNow', 'firing');
      for (const vote of slow) await system.remove(vote);
      for (const vote of [await system.add('vote'), await system.add('vote')]) await vote.untilReady();
      await prometheus.untilFires('TooSlowNow', false);
      await untilArrives('TooSlowNow', 'resolved');
    },
    300_000,
  );

  it('fires when all replicas of vote are gone, tells so at the webhook, and ends', async () => {
    const votes = system.replicas.filter(({ app }) => app === 'vote');
    for (const vote of votes) await system.remove(vote);
    await prometheus.untilFires('VoteIsGone');
    const { labels, annotations } = await untilArrives('VoteIsGone', 'firing');
    expect(labels).toEqual({ alertname: 'VoteIsGone', severity: 'page' });
    expect(annotations.runbook_url).toBe(`${RUNBOOK}#a-service-is-gone`);
    if (edge) {
      expect([502, 503, 504]).toContain((await fetch(edge.voteUrl)).status);
      await prometheus.untilFires('TooManyErrorsNow');
    }
    for (const vote of [await system.add('vote'), await system.add('vote')]) await vote.untilReady();
    await prometheus.untilFires('VoteIsGone', false);
    await untilArrives('VoteIsGone', 'resolved');
  }, 300_000);

  // Last: some series come only with what failed before.
  it('has had the series of which every rule and panel is made, with their labels', async () => {
    const queries = [
      ...(await prometheus.rules()).map(({ query }) => query),
      ...panels.map(({ expr }) => expr.replaceAll('datname="hbf"', `datname="${database}"`)),
    ];
    const selectors = new Set(queries.flatMap(selectorsIn).filter((selector) => !lacks(selector)));
    expect(selectors).toContain('up{job!="crowd"}');
    for (const selector of selectors)
      await until(
        `${selector} has had series`,
        async () => (await prometheus.query(`count_over_time(${selector}[1h])`)).length > 0,
      );
  });
});
