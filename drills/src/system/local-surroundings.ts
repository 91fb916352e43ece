import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import { type Clocks, createClocks } from './clocks.ts';
import { lacksFileLimit } from './file-limit.ts';
import { createLinks, isOfLinks, type Links } from './links.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';
import type { Ability } from './system.ts';

/** What a local system is set up in, so that it can be disturbed: each where it was asked for and can be had. */
export type Surroundings = {
  links: Links | undefined;
  clocks: Clocks | undefined;
  disk: SmallDisk | undefined;
  lacks(ability: Ability): string | undefined;
};

/** @param redis the program of Redis. */
export function setUpSurroundings(
  folder: string,
  redis: string,
  wanted: readonly Ability[],
  cleanup: Cleanup,
): Surroundings {
  const reasons = new Map<Ability, string>();
  const isWanted = (ability: Ability) =>
    wanted.some((one) => one === ability || (isOfLinks(one) && isOfLinks(ability)));
  const provide = <T extends object>(ability: Ability, make: () => T | { reason: string }): T | undefined => {
    const made = isWanted(ability) ? make() : { reason: `the system was started without ${ability}` };
    if (!('reason' in made)) return made;
    reasons.set(ability, made.reason);
    return undefined;
  };
  const links = provide('links', createLinks);
  const clocks = provide('clocks', () => {
    const clockFolder = join(folder, 'clocks');
    mkdirSync(clockFolder, { mode: 0o755 });
    return createClocks(clockFolder, redis);
  });
  const disk = provide('full-disk', () => mountSmallDisk(join(folder, 'disk')));
  if (disk) cleanup.add(() => disk.close());
  cleanup.add(async () => {
    for (const link of Object.values(links ?? {})) await link.close();
  });
  const noLimit = lacksFileLimit();
  if (noLimit) reasons.set('failing-file', noLimit);
  return { links, clocks, disk, lacks: (ability) => reasons.get(isOfLinks(ability) ? 'links' : ability) };
}
