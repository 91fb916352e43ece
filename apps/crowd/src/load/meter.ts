import { quantile } from '../latency.ts';
import type { Reply } from '../request.ts';
import type { CrowdMetrics } from './metrics.ts';

/** What the SLA permits of each kind of bad request. */
const BUDGET = 0.01;
const WITHIN_MS = 200;

/** Counts what the crowd's requests came to. */
export type Meter = {
  add(reply: Reply): void;
  /** One that was not even sent, since too many were open: whoever asks would have got no answer either. */
  addUnsent(): void;
  sum(): Sum;
  readonly counts: Readonly<Pick<Sum, 'requests' | 'failed' | 'slow'>>;
  /** The p99 of the answers since this was last asked for. */
  recentP99(): number;
};

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
  /** Whether both halves of the SLA hold for these requests. */
  holds: boolean;
};

export function createMeter(metrics: CrowdMetrics): Meter {
  const times: number[] = [];
  const statuses = new Map<number, number>();
  const counts = { requests: 0, failed: 0, slow: 0 };
  let seen = 0;
  const count = (status: number) => {
    counts.requests += 1;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status === 0 || status >= 500) counts.failed += 1;
  };
  return {
    counts,
    add(reply) {
      count(reply.answered ? reply.status : 0);
      if (!reply.answered) {
        counts.slow += 1;
        return;
      }
      times.push(reply.ms);
      if (reply.ms > WITHIN_MS) counts.slow += 1;
      metrics.requests.observe({ status_code: String(reply.status) }, reply.ms / 1_000);
    },
    addUnsent() {
      count(0);
      counts.slow += 1;
    },
    recentP99() {
      const recent = times.slice(seen).sort((a, b) => a - b);
      seen = times.length;
      return quantile(recent, 0.99);
    },
    sum() {
      const sorted = times.toSorted((a, b) => a - b);
      return {
        ...counts,
        statuses,
        p50: quantile(sorted, 0.5),
        p95: quantile(sorted, 0.95),
        p99: quantile(sorted, 0.99),
        holds:
          counts.requests > 0 &&
          counts.failed < BUDGET * counts.requests &&
          counts.slow <= BUDGET * counts.requests,
      };
    },
  };
}
