import { createRegistry } from '@hbf/service-kit/metrics';
import { Counter, Gauge, Histogram } from 'prom-client';

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

/** All metrics of the worker, each there from the start. */
export function createWorkerMetrics() {
  const registry = createRegistry();
  const registers = [registry];
  const labelNames = ['partition'] as const;
  const perPartition = {
    queueLength: new Gauge({
      name: 'ballot_queue_length',
      help: 'Ballots accepted and not yet recorded, in the partitions that this worker owns',
      labelNames,
      registers,
    }),
    queueAge: new Gauge({
      name: 'ballot_queue_oldest_age_seconds',
      help: 'Age of the oldest queued ballot, in the partitions that this worker owns; 0 if none is queued',
      labelNames,
      registers,
    }),
    drift: new Gauge({
      name: 'ballot_audit_drift',
      help: 'Accepted minus recorded, superseded, rejected and lost: must be 0, in the partitions that this worker owns',
      labelNames,
      registers,
    }),
    unknownLoss: new Gauge({
      name: 'ballot_audit_unknown_loss',
      help: '1 if Redis has lost what it held and the true loss is at least the drift, until it is acknowledged; else 0',
      labelNames,
      registers,
    }),
  };
  return {
    registry,
    ...perPartition,
    /** Those with a series for each owned partition. */
    perPartition: Object.values(perPartition),
    recorded: new Counter({
      name: 'ballots_recorded_total',
      help: 'Accepted ballots that were recorded, those that were superseded since included',
      registers,
    }),
    superseded: new Counter({
      name: 'ballots_superseded_total',
      help: 'Recorded ballots that a later one of the same voter replaced',
      registers,
    }),
    rejected: new Counter({
      name: 'ballots_rejected_total',
      help: 'Ballots and foreign entries that could not be recorded and are kept with their reasons',
      registers,
    }),
    foreignEntries: new Counter({
      name: 'ballot_foreign_entries_total',
      help: 'Entries that somebody put into a stream by hand; in ballots_rejected_total too',
      registers,
    }),
    batchSize: new Histogram({
      name: 'ballot_batch_size',
      help: 'Ballots in a recorded batch',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
      registers,
    }),
    commitDelay: new Histogram({
      name: 'ballot_commit_delay_seconds',
      help: "From a ballot's acceptance to the commit that recorded it, the oldest ballot of each batch (Redis's clock)",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    }),
    ownedPartitions: new Gauge({
      name: 'ballot_partitions_owned',
      help: 'Partitions that this worker owns and has prepared',
      registers,
    }),
    partitions: new Gauge({
      name: 'ballot_partitions',
      help: 'Partitions that this system has, whoever owns them; 0 until this worker has read it',
      registers,
    }),
  };
}
