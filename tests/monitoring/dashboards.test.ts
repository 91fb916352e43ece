import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listSources, readSource } from '../repository/root.ts';
import { check, programs } from './programs.ts';

type Panel = {
  id: number;
  type: string;
  title: string;
  datasource?: { type: string; uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string; legendFormat: string }[];
  fieldConfig?: { defaults: { unit?: string } };
};
type Dashboard = { uid: string; title: string; schemaVersion: number; panels: Panel[]; tags: string[] };

const FOLDER = 'infra/grafana/dashboards/';
function read(path: string): Dashboard {
  try {
    return JSON.parse(readSource(path)) as Dashboard;
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}
const dashboards = listSources(FOLDER).map((path) => ({ path, dashboard: read(path) }));
const { datasources } = parse(readSource('infra/grafana/provisioning/datasources/prometheus.yaml')) as {
  datasources: { uid: string; type: string }[];
};

const overlap = (a: Panel['gridPos'], b: Panel['gridPos']) =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

describe('the dashboards', () => {
  it('are three, found by the names of their files', () => {
    expect(dashboards.map(({ path }) => path)).toEqual(
      ['ballots', 'machines', 'sla'].map((name) => `${FOLDER}${name}.json`),
    );
    for (const { path, dashboard } of dashboards) expect(path).toBe(`${FOLDER}${dashboard.uid}.json`);
  });

  it.each(dashboards)(
    '$path has panels as Grafana wants them, each of them asking the data source',
    ({ dashboard }) => {
      expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
      expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
      const [source] = datasources;
      const panels = dashboard.panels.filter(({ type }) => type !== 'row');
      expect(panels.length).toBeGreaterThan(10);
      for (const { title, type, datasource, targets, fieldConfig } of panels) {
        expect(['stat', 'timeseries'], title).toContain(type);
        expect(title).toMatch(/\w/);
        expect(datasource, title).toEqual({ type: source!.type, uid: source!.uid });
        expect(fieldConfig?.defaults.unit, title).toMatch(/^\w+$/);
        expect(targets?.length, title).toBeGreaterThan(0);
        expect(new Set(targets!.map(({ refId }) => refId)).size, title).toBe(targets!.length);
        for (const { expr } of targets!) expect(expr, title).not.toBe('');
      }
    },
  );

  it.each(dashboards)(
    '$path has no panel over another, and none beyond the edge',
    ({ dashboard: { panels } }) => {
      for (const [index, { title, gridPos }] of panels.entries()) {
        expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
        expect(
          panels.slice(index + 1).filter((other) => overlap(gridPos, other.gridPos)),
          title,
        ).toEqual([]);
      }
    },
  );

  it.skipIf(!programs)('ask what Prometheus can read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hbf-dashboards-'));
    try {
      const file = join(folder, 'rules.json');
      const rules = dashboards
        .flatMap(({ dashboard }) => dashboard.panels.flatMap(({ targets }) => targets ?? []))
        .map(({ expr }, index) => ({ record: `expression_${index}`, expr }));
      // Every JSON is YAML.
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboards', rules }] }));
      check(programs!.promtool, 'check', 'rules', file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
