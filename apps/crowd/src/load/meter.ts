import { REQUEST_TIMEOUT_MS, type Reply } from '../request.ts';
import { createTimes } from '../times.ts';
import { APPS, type App, type CrowdMetrics } from './metrics.ts';

/** What the SLA permits of each kind of bad request. */
const BUDGET = 0.01;
const WITHIN_MS = 200;

/** Counts what the crowd's requests to one of the services came to. */
export type Meter = {
  add(reply: Reply): void;
  /**
   * One that was not even sent, since too many were open: whoever asks would have got no answer either. Counts as if
   * it had waited in vain.
   */
  addUnsent(): void;
  sum(): Sum;
  readonly counts: Readonly<Pick<Sum, 'requests' | 'failed' | 'slow'>>;
  /** The p99 (ms) of the answers since this was last asked for. */
  recentP99(): number;
};
export type Meters = Readonly<Record<App, Meter>>;

export type Sum = {
  requests: number;
  /** 5xx, or no answer. */
  failed: number;
  /** Over 200 ms, or no answer. */
  slow: number;
  /** Of the answers (ms). */
  p50: number;
  p95: number;
  p99: number;
  /** How often each status came; 0: no answer. */
  statuses: ReadonlyMap<number, number>;
  /** Whether both halves of the SLA hold for these requests; undefined where there was none. */
  holds: boolean | undefined;
};
export type Sums = Readonly<Record<App, Sum>>;

export function createMeters(metrics: CrowdMetrics): Meters {
  return { vote: createMeter('vote', metrics), result: createMeter('result', metrics) };
}

/** Whether the SLA held for each service that was asked anything, and one was. */
export function slaHolds(sums: Sums): boolean {
  const verdicts = APPS.map((app) => sums[app].holds);
  return verdicts.includes(true) && !verdicts.includes(false);
}

export function createMeter(app: App, metrics: CrowdMetrics): Meter {
  const times = createTimes();
  const recent = createTimes();
  const statuses = new Map<number, number>();
  const counts = { requests: 0, failed: 0, slow: 0 };
  const count = (status: number, ms: number) => {
    counts.requests += 1;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status === 0 || status >= 500) counts.failed += 1;
    if (status === 0 || ms > WITHIN_MS) counts.slow += 1;
    metrics.requests.observe({ app, status_code: String(status || 'none') }, ms / 1_000);
  };
  return {
    counts,
    add(reply) {
      count(reply.answered ? reply.status : 0, reply.ms);
      if (!reply.answered) return;
      times.add(reply.ms);
      recent.add(reply.ms);
    },
    addUnsent: () => count(0, REQUEST_TIMEOUT_MS),
    recentP99() {
      const p99 = recent.quantile(0.99);
      recent.clear();
      return p99;
    },
    sum: () => ({
      ...counts,
      statuses,
      p50: times.quantile(0.5),
      p95: times.quantile(0.95),
      p99: times.quantile(0.99),
      holds:
        counts.requests === 0
          ? undefined
          : counts.failed < BUDGET * counts.requests && counts.slow <= BUDGET * counts.requests,
    }),
  };
}
