import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listSources, readSource } from '../repository/root.ts';
import { programs, run } from './programs.ts';

const FOLDER = 'infra/prometheus';
type Rule = {
  alert?: string;
  record?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};
type RuleTest = {
  alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
};

const read = <T>(path: string): T => parse(readSource(path)) as T;
const config = read<{
  global: { scrape_interval: string };
  scrape_configs: { job_name: string; scrape_interval?: string }[];
}>(`${FOLDER}/prometheus.yaml`);
const alerts = listSources(`${FOLDER}/rules/`)
  .flatMap((path) => read<{ groups: { rules: Rule[] }[] }>(path).groups)
  .flatMap(({ rules }) => rules)
  .filter(({ alert }) => alert !== undefined) as (Rule & { alert: string })[];
const tests = listSources(`${FOLDER}/tests/`);
const checks = tests
  .flatMap((path) => read<{ tests: RuleTest[] }>(path).tests)
  .flatMap((test) => test.alert_rule_test ?? []);

/** The anchors of a document's headings, as Git forges make them. */
const anchorsOf = (path: string) =>
  [...readSource(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('the configuration of Prometheus', () => {
  it.skipIf(!programs)('is one that Prometheus takes, its rules too', () => {
    expect(run(programs!.promtool, 'check', 'config', `${FOLDER}/prometheus.yaml`)).toMatchObject({
      status: 0,
    });
  });

  it('scrapes everything every 15 s or faster', () => {
    const intervals = config.scrape_configs.map(
      (job) => job.scrape_interval ?? config.global.scrape_interval,
    );
    for (const interval of intervals) expect(Number(/^(\d+)s$/.exec(interval)?.[1])).toBeLessThanOrEqual(15);
    expect(config.scrape_configs.map(({ job_name }) => job_name)).toEqual([
      ...['vote', 'result', 'worker', 'crowd', 'edge', 'ports', 'redis', 'postgres', 'machine'],
      ...['prometheus', 'alertmanager', 'grafana'],
    ]);
  });
});

describe('each alert', () => {
  it.skipIf(!programs)(
    'fires where it should, and with these words',
    () => {
      expect(run(programs!.promtool, 'test', 'rules', ...tests)).toMatchObject({ status: 0 });
    },
    180_000,
  );

  it('is tested where it must fire, and where it must not', () => {
    const names = alerts.map(({ alert }) => alert).sort();
    expect(names.length).toBeGreaterThan(20);
    const tested = (fires: boolean) =>
      [
        ...new Set(
          checks
            .filter(({ exp_alerts }) => exp_alerts.length > 0 === fires)
            .map(({ alertname }) => alertname),
        ),
      ].sort();
    expect(tested(true)).toEqual(names);
    expect(tested(false)).toEqual(names);
  });

  it('has a severity, a summary, its value, and a section of the runbook', () => {
    const sections = anchorsOf('docs/runbook.md');
    for (const { alert, labels, annotations } of alerts) {
      expect(labels?.severity, alert).toMatch(/^(page|ticket)$/);
      expect(annotations?.summary, alert).toMatch(/\w/);
      expect(annotations?.description, alert).toContain('$value');
      const [, section] = /^docs\/runbook\.md#(.+)$/.exec(annotations?.runbook_url ?? '') ?? [];
      expect(sections, alert).toContain(section);
    }
  });
});
