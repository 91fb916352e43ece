import type { Logs } from './logs.ts';
import { type LocalReplica, startReplica } from './replica.ts';
import { createPlaces, type Place } from './replica-ports.ts';
import type { AppName, Replica, ReplicaOptions } from './system.ts';

/** The services of a local system. */
export type Replicas = {
  readonly replicas: readonly LocalReplica[];
  add(app: AppName, options?: ReplicaOptions): Promise<LocalReplica>;
  remove(replica: Replica): Promise<void>;
  readonly deaths: readonly string[];
  /** Where the first replica of vote is reached, whether one is there or not. */
  readonly voteUrl: string;
  readonly resultUrl: string;
  close(): Promise<void>;
};

export async function createReplicas(options: {
  build: string;
  logs: Logs;
  /** What all replicas of an app get. */
  env: (app: AppName) => Record<string, string>;
  /** Gives the port at which voters and pages reach a replica that listens on `port`. */
  expose: (app: AppName, port: number) => Promise<number>;
}): Promise<Replicas> {
  const { build, logs } = options;
  const places = await createPlaces(options.expose);
  const [voteUrl, resultUrl] = [places.firstUrl('vote'), places.firstUrl('result')];
  const replicas: LocalReplica[] = [];
  const placeOf = new Map<Replica, Place>();
  const deaths: string[] = [];
  const started = { vote: 0, worker: 0, result: 0 };

  const remove = async (replica: Replica) => {
    const index = replicas.indexOf(replica as LocalReplica);
    if (index < 0) return;
    replicas.splice(index, 1);
    await replica.kill();
    placeOf.get(replica)!.taken = false;
    placeOf.delete(replica);
  };
  return {
    replicas,
    deaths,
    voteUrl,
    resultUrl,
    async add(app, { env, build: own } = {}) {
      // A number is never used twice, so that a name means one replica in a history, and in its log.
      started[app] += 1;
      const name = `${app}-${started[app]}`;
      const place = await places.take(app);
      try {
        const replica = await startReplica({
          app,
          name,
          build: own ?? build,
          url: place.publicPort === undefined ? undefined : `http://127.0.0.1:${place.publicPort}`,
          metricsPort: place.metricsPort,
          env: () => ({
            ...options.env(app),
            VOTE_PORT: new URL(voteUrl).port,
            RESULT_PORT: new URL(resultUrl).port,
            ...(place.port === undefined ? {} : { PORT: String(place.port) }),
            ...env,
          }),
          onLog: logs.of(name),
          onDeath: (how) => deaths.push(`${name}: ${how}`),
        });
        replicas.push(replica);
        placeOf.set(replica, place);
        return replica;
      } catch (error) {
        place.taken = false;
        throw error;
      }
    },
    remove,
    async close() {
      await Promise.all([...replicas].map(remove));
    },
  };
}
