import { createPlaces, type Place } from '../replica-ports.ts';
import type { AppName, Replica, System } from '../system.ts';
import type { Endings } from './endings.ts';
import type { Project } from './project.ts';
import { startReplica } from './replica.ts';

/** The services of a system in containers. */
export type Replicas = Pick<System, 'replicas' | 'add' | 'remove' | 'deaths'> & {
  /** The names of all that were ever started; those that were removed have their logs still. */
  readonly names: readonly string[];
};

export async function createReplicas(options: {
  project: Project;
  endings: Endings;
  /** What all replicas of an app get. */
  envOf: (app: AppName) => Record<string, string>;
  /** Gives the port at which voters and pages reach a replica that is published at `port`. */
  expose: (app: AppName, port: number) => Promise<number>;
}): Promise<Replicas> {
  const places = await createPlaces(options.expose);
  const portOf = (app: 'vote' | 'result') => new URL(places.firstUrl(app)).port;
  const replicas: Replica[] = [];
  const placeOf = new Map<Replica, Place>();
  const names: string[] = [];
  const deaths: string[] = [];
  const started = { vote: 0, worker: 0, result: 0 };
  return {
    replicas,
    names,
    deaths,
    async add(app, { env, build } = {}) {
      if (build !== undefined) throw new Error('in containers, the images are run and no other build');
      // A number is never used twice, so that a name means one replica in a history, and in its log.
      started[app] += 1;
      const name = `${app}-${started[app]}`;
      const place = await places.take(app);
      try {
        const replica = await startReplica({
          ...options,
          app,
          name,
          place,
          env: { VOTE_PORT: portOf('vote'), RESULT_PORT: portOf('result'), ...options.envOf(app), ...env },
          onDeath: (how) => deaths.push(`${name}: ${how}`),
        });
        names.push(name);
        replicas.push(replica);
        placeOf.set(replica, place);
        return replica;
      } catch (error) {
        place.taken = false;
        throw error;
      }
    },
    async remove(replica) {
      const index = replicas.indexOf(replica);
      if (index < 0) return;
      replicas.splice(index, 1);
      // The container stays until the system is closed: its log is in it.
      await replica.kill();
      placeOf.get(replica)!.taken = false;
      placeOf.delete(replica);
    },
  };
}
