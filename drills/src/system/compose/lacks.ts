import type { Ability } from '../system.ts';

/** Why a system in containers cannot do something; undefined if it can. */
export function lacksInContainers(ability: Ability, prepared: readonly Ability[]): string | undefined {
  switch (ability) {
    case 'links':
      return 'containers talk to each other over their own network, where nothing stands between them to be disturbed';
    case 'clocks':
      return 'all containers share the clock of their machine';
    case 'full-disk':
      return prepared.includes(ability) ? undefined : `the system was started without ${ability}`;
    default:
      return undefined;
  }
}
