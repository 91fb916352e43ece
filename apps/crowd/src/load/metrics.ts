import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type CrowdMetrics = ReturnType<typeof createCrowdMetrics>;

/** What a crowd asks. */
export const APPS = ['vote', 'result'] as const;
export type App = (typeof APPS)[number];

/** What the services and the edge are known to answer. */
const STATUSES = {
  vote: ['200', '202', '429', '500', '502', '503', '504', 'none'],
  result: ['200', '500', '502', '503', '504', 'none'],
} satisfies Record<App, string[]>;

/** What a crowd sees from outside. Every series is there from the start, but for a status that nobody foresaw. */
export function createCrowdMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const ballots = new Counter({
    name: 'crowd_ballots_total',
    help: 'Ballots of this crowd, by what it was told of them',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['accepted', 'refused', 'unconfirmed']) ballots.inc({ outcome }, 0);
  const requests = new Histogram({
    name: 'crowd_request_duration_seconds',
    help: 'Time of an answer, as this crowd saw it; what got none has the status "none" and the time that was waited',
    labelNames: ['app', 'status_code'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5],
    registers,
  });
  for (const app of APPS) for (const status_code of STATUSES[app]) requests.zero({ app, status_code });
  return {
    registry,
    ballots,
    requests,
    screen: new Histogram({
      name: 'crowd_ballot_to_screen_seconds',
      help: 'From the sending of a ballot until a socket that watches was told of a turnout with it',
      buckets: [0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10],
      registers,
    }),
    sockets: new Gauge({
      name: 'crowd_sockets',
      help: 'Sockets of this crowd that are connected',
      registers,
    }),
    drift: new Gauge({
      name: 'crowd_ledger_drift',
      help: 'Ballots by which the tally differs from what this crowd was told: below 0 missing, above 0 too many',
      registers,
    }),
  };
}
