import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '@hbf/drills/system/project';
import { parse } from 'yaml';

type Service = {
  environment: { NODE_OPTIONS: string };
  deploy: { resources: { limits: { memory: string } } };
};

/**
 * Of a container's memory what is not the app's own: 10 or so for its init, its health check and what the kernel keeps of
 * connections, and room for the pages of program files that it cannot do without.
 */
const OTHERS_MEGABYTES = 40;

/**
 * How compose.release.yaml runs an app: with which options of node, and in how much memory of its own (MB of 10^6 bytes).
 * The tests in containers show that all of it fits; what an app takes of it can be seen on any machine.
 * @throws where it says neither, or in another unit than M.
 */
export function releaseOf(app: 'vote' | 'result'): { nodeOptions: string; megabytes: number } {
  const file = readFileSync(join(ROOT, 'compose.release.yaml'), 'utf8');
  const { services } = parse(file, { merge: true }) as { services: Record<string, Service> };
  const { environment, deploy } = services[app]!;
  const nodeOptions = environment.NODE_OPTIONS;
  const mebibytes = Number(/^(\d+)M$/.exec(deploy.resources.limits.memory)?.[1]);
  if (!nodeOptions || Number.isNaN(mebibytes))
    throw new Error(`compose.release.yaml bounds no memory of ${app}`);
  return { nodeOptions, megabytes: (mebibytes * 2 ** 20) / 1e6 - OTHERS_MEGABYTES };
}
