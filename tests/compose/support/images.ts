import { tryDocker } from '@hbf/drills/system/compose/docker';
import type { Project } from '@hbf/drills/system/compose/project';

/** @returns those of the services whose image is neither here nor to be had from its registry. */
export async function findLacking(project: Project, services: readonly string[]): Promise<string[]> {
  const { services: planned } = JSON.parse(await project.compose('config', '--format', 'json')) as {
    services: Record<string, { image: string }>;
  };
  const lacking: string[] = [];
  for (const service of services) {
    const { image } = planned[service]!;
    const here = await tryDocker(['image', 'inspect', image]);
    if (here.code !== 0 && (await tryDocker(['pull', '--quiet', image])).code !== 0) lacking.push(service);
  }
  return lacking;
}
