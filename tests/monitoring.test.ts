/**
 * The monitoring as it is in infra, on real apps under real load: every expression has data, an alert fires when vote is
 * slow or gone, arrives at a webhook, and ends. The edge is there where Traefik is (TRAEFIK_PATH, or on the PATH); cAdvisor
 * and Grafana are not: what needs them is left out visibly.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '@hbf/drills/until';
import { findCommand } from '@hbf/local-services/find-command';
import { findMonitoring } from '@hbf/local-services/find-monitoring';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCrowd } from './support/crowd.ts';
import { startAlertmanager, startEdge, startExporters, startPrometheus } from './support/monitoring.ts';
import { createSystem, withRedis } from './support/system.ts';

const POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
`;
const programs = process.env.HBF_NO_MONITORING === '1' ? undefined : findMonitoring();
const traefik = process.env.TRAEFIK_PATH || findCommand(['traefik']);

const NOT_HERE: [what: string, needed: RegExp, here: boolean][] = [
  ['cAdvisor', /\b(container|machine)_/, false],
  ['the edge', /\btraefik_|\bsla:/, traefik !== undefined],
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

/** The names of the series in an expression: all words but functions, keywords, labels and what is in strings. */
function seriesIn(expr: string): string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const words = [...bare.matchAll(/(?<![\w:.])([a-zA-Z_][\w:]*)(\s*\()?/g)];
  return words
    .filter(([, word = '', call]) => !call && !/^(and|or|unless|by|bool|offset)$/.test(word))
    .map(([, word = '']) => word);
}

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
  const at = edge ?? system;

  const bodies: string[] = [];
  const webhook = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    bodies.push(body);
    res.end();
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  afterAll(() => webhook.close());
  const untilArrives = (alert: string, status: string) =>
    until(
      `"${alert} ${status}" arrives at the webhook`,
      () =>
        bodies.some((body) =>
          (JSON.parse(body).alerts as { status: string; labels: { alertname: string } }[]).some(
            (one) => one.status === status && one.labels.alertname === alert,
          ),
        ),
      60_000,
      200,
    );

  const alertmanager = await startAlertmanager(
    programs,
    `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
  );
  const crowd = await startCrowd(['load', '--rate', '10', '--duration', '3600', '--watchers', '3'], at);
  afterAll(() => crowd.stop());
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
      crowd: [`127.0.0.1:${crowd.metricsPort}`],
      redis: [exporters.redis],
      postgres: [exporters.postgres],
      ...(edge && { edge: [edge.target] }),
    },
    alertmanager,
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
        await until(
          `${asked} has a value`,
          async () => (await prometheus.query(asked)).some(({ value }) => !Number.isNaN(value)),
          30_000,
          250,
        );
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

  it('has the series of which every rule is made', async () => {
    const rules = await prometheus.rules();
    const names = new Set(rules.filter(({ query }) => !lacks(query)).flatMap(({ query }) => seriesIn(query)));
    expect(names).toContain('ballot_queue_oldest_age_seconds');
    for (const name of names)
      await until(`${name} has series`, async () => (await prometheus.query(name)).length > 0);
  });

  it.skipIf(edge === undefined)(
    'fires when vote is slow, tells so at the webhook, and ends',
    async () => {
      expect(await prometheus.query('ALERTS{alertname="TooManyErrorsNow"}')).toEqual([]);
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
    await untilArrives('VoteIsGone', 'firing');
    if (edge) {
      expect([502, 503, 504]).toContain((await fetch(edge.voteUrl)).status);
      await prometheus.untilFires('TooManyErrorsNow');
    }
    for (const vote of [await system.add('vote'), await system.add('vote')]) await vote.untilReady();
    await prometheus.untilFires('VoteIsGone', false);
    await untilArrives('VoteIsGone', 'resolved');
  }, 300_000);
});
