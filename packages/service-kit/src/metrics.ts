import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** A registry with Node's own metrics; every service adds its own to it. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** The response times of a service. An edge of the buckets lies at 0.2 s, the bound of the SLA. */
export function requestDuration(registry: Registry): Histogram<'method' | 'route' | 'status_code'> {
  return new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its response, by route template',
    labelNames: ['method', 'route', 'status_code'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
}
