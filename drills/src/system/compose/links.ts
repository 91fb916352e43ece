import type { Cleanup } from '../cleanup.ts';
import { createLinks, isOfLinks } from '../links.ts';
import type { Ability, AppName, Link, LinkName, StoreLinkName } from '../system.ts';
import { findDetour } from './detour.ts';
import type { Project } from './project.ts';

/** The links of a system in containers: each leads through this process, where it was asked for and can. */
export type ContainerLinks = {
  /** The port at which voters and pages reach a replica that is published at `port`. */
  expose(app: AppName, port: number): Promise<number>;
  /** What an app gets in its environment, so that it reaches its stores through links; empty where they are direct. */
  envOf(app: AppName): Record<string, string>;
  /** Undefined where the system was started without links. */
  get(name: LinkName): Link | undefined;
  /** Why what services say to stores goes past this process; undefined if it does not. */
  noDetour: string | undefined;
};

const DIRECT: ContainerLinks = {
  expose: async (_, port) => port,
  envOf: () => ({}),
  get: () => undefined,
  noDetour: undefined,
};

/** @param options.stores the stores' ports on this machine's loopback, and the password of PostgreSQL. */
export async function setUpLinks(options: {
  project: Project;
  wanted: readonly Ability[];
  stores: { redisPort: number; postgresPort: number; password: string };
  cleanup: Cleanup;
}): Promise<ContainerLinks> {
  const { project, wanted, stores, cleanup } = options;
  if (!wanted.some(isOfLinks)) return DIRECT;
  const links = createLinks();
  cleanup.add(async () => {
    for (const link of Object.values(links)) await link.close();
  });
  const expose = (app: AppName, port: number) =>
    links[app === 'vote' ? 'voter-vote' : 'page-result'].through(port);
  const detour = await findDetour(project);
  if ('reason' in detour)
    return { expose, envOf: () => ({}), get: (name) => links[name], noDetour: detour.reason };

  const { address } = detour;
  const through = async (link: StoreLinkName) => {
    const port = await links[link].through(
      link.endsWith('-redis') ? stores.redisPort : stores.postgresPort,
      address,
    );
    return link.endsWith('-redis')
      ? { REDIS_URL: `redis://${address}:${port}` }
      : { DATABASE_URL: `postgres://hbf:${stores.password}@${address}:${port}/hbf` };
  };
  const env: Record<AppName, Record<string, string>> = {
    vote: await through('vote-redis'),
    worker: { ...(await through('worker-redis')), ...(await through('worker-postgres')) },
    result: await through('result-postgres'),
  };
  return { expose, envOf: (app) => env[app], get: (name) => links[name], noDetour: undefined };
}
