import { isOfLinks } from '../links.ts';
import type { Ability } from '../system.ts';

/** Links from this machine into containers; their ports are published here anyway. */
const FROM_HERE: readonly Ability[] = ['link-voter-vote', 'link-page-result'];

/**
 * Why a system in containers cannot do something; undefined if it can.
 * @param prepared what it was started with.
 * @param detour why what services say to stores cannot be led through this machine; undefined if it is.
 */
export function lacksInContainers(
  ability: Ability,
  prepared: readonly Ability[],
  detour: string | undefined,
): string | undefined {
  if (isOfLinks(ability)) {
    if (!prepared.some(isOfLinks)) return 'the system was started without links';
    return FROM_HERE.includes(ability) ? undefined : detour;
  }
  switch (ability) {
    case 'clocks':
      return 'all containers share the clock of their machine';
    case 'full-disk':
      return prepared.includes(ability) ? undefined : `the system was started without ${ability}`;
    default:
      return undefined;
  }
}
