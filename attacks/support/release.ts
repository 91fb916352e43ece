import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '@hbf/drills/system/project';
import { parse } from 'yaml';

type Service = {
  environment: { NODE_OPTIONS: string };
  deploy: { resources: { limits: { memory: string } } };
};

/**
 * How compose.release.yaml runs an app: with which options of node, and in how much memory (MB of 10^6 bytes).
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
  return { nodeOptions, megabytes: (mebibytes * 2 ** 20) / 1e6 };
}
