import { createRegistry, requestDuration } from '@hbf/service-kit/metrics';
import { Counter, Gauge, Histogram } from 'prom-client';
import { REFUSALS } from './places.ts';

/** The templates of the public routes; each has its series from the start, at zero. */
const ROUTES = [
  '/',
  '/p/:poll',
  '/p/:poll/projector',
  '/polls',
  '/api/polls/:poll/tally',
  '/api/polls/:poll/turnout',
  '/api/receipts/:receipt',
  '/receipts/:receipt',
  '/problems/:name',
  '/assets/:file',
];

export type ResultMetrics = ReturnType<typeof createMetrics>;

/** All metrics of this service, each with its series from the start. */
export function createMetrics() {
  const registry = createRegistry();
  const duration = requestDuration(registry);
  for (const route of ROUTES) {
    for (const status of ['200', '404', '500', '503']) {
      duration.zero({ method: 'GET', route, status_code: status });
    }
  }
  const socketsRefused = new Counter({
    name: 'sockets_refused_total',
    help: 'Handshakes refused because too many sockets were open: of one network, or in total',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const reason of REFUSALS) socketsRefused.inc({ reason }, 0);
  return {
    registry,
    socketsRefused,
    duration,
    freshness: new Histogram({
      name: 'tally_freshness_seconds',
      help: "Time from a ballot's acceptance (Redis's clock) to the emission of a tally with it (PostgreSQL's clock)",
      buckets: [0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30],
      registers: [registry],
    }),
    sockets: new Gauge({
      name: 'socket_connections',
      help: 'Socket.IO connections that are open now, whatever their transport',
      registers: [registry],
    }),
  };
}
