import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type CrowdMetrics = ReturnType<typeof createCrowdMetrics>;

/** What a crowd sees from outside. Every series is there from the start. */
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
  return {
    registry,
    ballots,
    requests: new Histogram({
      name: 'crowd_request_duration_seconds',
      help: 'Time of an answer, as this crowd saw it; what got none has the status "none"',
      labelNames: ['status_code'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5],
      registers,
    }),
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
