import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTestDirectory } from '@hbf/local-services/testing';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { listSources, readSource } from '../repository/root.ts';
import { withoutConditions } from '../support/promql.ts';
import { check, programs, run } from './programs.ts';

const FOLDER = 'infra/prometheus';
type Rule = {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};
type RuleTest = {
  alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
};
type RuleTests = { rule_files: string[]; evaluation_interval: string; tests: RuleTest[] };

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
  .flatMap((path) => read<RuleTests>(path).tests)
  .flatMap((test) => test.alert_rule_test ?? []);
/** The cases of one alert that need no other rule. */
const casesOf = (alertname: string) =>
  tests
    .map((path) => read<RuleTests>(path))
    .filter(({ rule_files }) => rule_files.join() === '../rules/alerts.yaml')
    .map(({ evaluation_interval, tests }) => ({
      evaluation_interval,
      tests: tests
        .map((test) => ({
          ...test,
          alert_rule_test: test.alert_rule_test?.filter((one) => one.alertname === alertname),
        }))
        .filter(({ alert_rule_test }) => alert_rule_test?.length),
    }))
    .filter(({ tests }) => tests.length > 0);

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
    check(programs!.promtool, 'check', 'config', `${FOLDER}/prometheus.yaml`);
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
      check(programs!.promtool, 'test', 'rules', ...tests);
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
    expect(tested(false)).toEqual(names.filter((name) => name !== 'Watchdog'));
  });

  it.skipIf(!programs)(
    'needs each of its conditions: with one less it fails in a case',
    () => {
      const folder = makeTestDirectory('rules');
      const fewer = alerts.flatMap((rule) =>
        withoutConditions(rule.expr).flatMap((expr, index) => {
          const rules = `${rule.alert}-${index}.yaml`;
          writeFileSync(
            join(folder, rules),
            stringify({ groups: [{ name: 'g', rules: [{ ...rule, expr }] }] }),
          );
          return casesOf(rule.alert).map((cases, part) => {
            const file = join(folder, `${rule.alert}-${index}-${part}.test.yaml`);
            writeFileSync(file, stringify({ rule_files: [rules], ...cases }));
            return { file, expr };
          });
        }),
      );
      expect(fewer.length).toBeGreaterThan(50);
      const { output } = run(programs!.promtool, 'test', 'rules', ...fewer.map(({ file }) => file));
      const passed = [...output.matchAll(/^Unit Testing: +(\S+)\n +SUCCESS/gm)].map(([, file]) => file);
      expect(fewer.filter(({ file }) => passed.includes(file)).map(({ expr }) => expr)).toEqual([]);
      // By what fires, not since Prometheus could not read it.
      expect(output.match(/^ +FAILED:\n +name:/gm)).toHaveLength(fewer.length);
    },
    60_000,
  );

  it('has a severity, a summary, its value, and a section of the runbook', () => {
    const sections = anchorsOf('docs/runbook.md');
    for (const { alert, labels, annotations } of alerts) {
      expect(labels?.severity, alert).toMatch(alert === 'Watchdog' ? /^none$/ : /^(page|ticket)$/);
      expect(annotations?.summary, alert).toMatch(/\w/);
      expect(annotations?.description, alert).toContain('$value');
      const [, section] =
        /^\{\{ \$externalLabels\.runbook \}\}#(.+)$/.exec(annotations?.runbook_url ?? '') ?? [];
      expect(sections, alert).toContain(section);
    }
  });
});
