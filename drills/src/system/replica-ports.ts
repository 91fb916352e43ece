import { freePort } from '@hbf/local-services/free-port';
import type { AppName } from './system.ts';

/** A place for one replica; the next replica that takes it has the same ports. */
export type Place = {
  /** What the replica listens on; a worker has none. */
  port: number | undefined;
  /** Where voters and pages reach it: its own port, or that of a link. */
  publicPort: number | undefined;
  metricsPort: number;
  taken: boolean;
};

/** Gives replicas their ports: each app's first free place. */
export type Places = {
  take(app: AppName): Promise<Place>;
  /** The address of the app's first place, whether a replica is there or not. */
  firstUrl(app: AppName): string;
};

/** @param expose gives the port at which voters and pages reach a port: itself, or the one of a link that leads there. */
export async function createPlaces(expose: (app: AppName, port: number) => Promise<number>): Promise<Places> {
  const places: Record<AppName, Place[]> = { vote: [], worker: [], result: [] };
  const given = new Set<number>();
  const newPort = async () => {
    // A port that was given out and is not listened on yet looks free.
    let port = await freePort();
    while (given.has(port)) port = await freePort();
    given.add(port);
    return port;
  };
  const make = async (app: AppName): Promise<Place> => {
    const port = app === 'worker' ? undefined : await newPort();
    const publicPort = port === undefined ? undefined : await expose(app, port);
    const place = { port, publicPort, metricsPort: await newPort(), taken: false };
    places[app].push(place);
    return place;
  };
  await make('vote');
  await make('result');
  return {
    async take(app) {
      const place = places[app].find(({ taken }) => !taken) ?? (await make(app));
      place.taken = true;
      return place;
    },
    firstUrl: (app) => `http://127.0.0.1:${places[app][0]?.publicPort}`,
  };
}
