import type { Stopped } from '../history/events.ts';
import type { LinkName } from '../system/system.ts';
import { type Fault, type FaultContext, type Injected, type Part, running } from './fault.ts';

/** What is impossible while nothing passes between two parts. */
const BETWEEN: Record<LinkName, { touches: Part[]; stops: Stopped[] }> = {
  'vote-redis': { touches: ['vote', 'redis'], stops: ['accepting'] },
  'worker-redis': { touches: ['worker', 'redis'], stops: ['recording'] },
  'worker-postgres': { touches: ['worker', 'postgres'], stops: ['recording'] },
  'result-postgres': { touches: ['result', 'postgres'], stops: [] },
  'page-result': { touches: ['result'], stops: [] },
  'voter-vote': { touches: ['vote'], stops: ['accepting'] },
};

export const LINKS = Object.keys(BETWEEN) as LinkName[];

/** What can happen to one link. */
export function linkFaults(name: LinkName): Fault[] {
  const { touches, stops } = BETWEEN[name];
  const needs = [`link-${name}`] as const;
  const away = name.endsWith('-redis') || name.endsWith('-postgres') ? { storeAway: true as const } : {};
  const effects = {
    ...(stops.length > 0 ? { stops } : {}),
    ...away,
    ...(name === 'result-postgres' ? { blinds: true as const } : {}),
  };
  const deafens = ({ system }: FaultContext): Pick<Injected, 'deafens'> =>
    name === 'page-result' ? { deafens: running(system, 'result').map((replica) => replica.name) } : {};
  return [
    {
      name: `delay-${name}`,
      about: `what passes between ${name.replace('-', ' and ')} is late by up to 400 ms`,
      touches,
      needs,
      holdMs: [2_000, 5_000],
      async inject({ system, random, note }) {
        const link = system.link(name);
        const late = random.pick([20, 60, 120, 400]);
        note(`late by ${late} ms in each direction`);
        link.delay(late);
        return { heal: async () => link.mend() };
      },
    },
    {
      name: `cut-${name}`,
      about: `every connection between ${name.replace('-', ' and ')} is cut, and new ones are refused`,
      touches,
      needs,
      effects,
      holdMs: [500, 9_000],
      async inject(context) {
        const link = context.system.link(name);
        link.cut();
        return { ...deafens(context), heal: async () => link.mend() };
      },
    },
    {
      name: `hold-${name}`,
      about: `nothing passes between ${name.replace('-', ' and ')} and nobody is told (half-open)`,
      touches,
      needs,
      effects,
      holdMs: [500, 9_000],
      async inject(context) {
        const link = context.system.link(name);
        link.hold();
        return { ...deafens(context), heal: async () => link.mend() };
      },
    },
    {
      name: `forget-${name}`,
      about: `what goes on between ${name.replace('-', ' and ')} dies without a word, and new connections are well`,
      touches,
      needs,
      // Nothing else is certain: each side may have a new connection at any moment.
      effects: away,
      // There is nothing to take back. In a mixed drill a page may have a new connection by the time of a longer hold, and
      // hear that all is as it was; but in turn, it has none before it has told that it hears nothing.
      holdMs: [500, 4_000],
      async inject(context) {
        context.system.link(name).forget();
        return { ...deafens(context), heal: async () => {} };
      },
    },
  ];
}

/** Appends are on their way for longer than voters wait; the next ones overtake them on other connections. */
export const lateThenInTime: Fault = {
  name: 'late-then-in-time',
  about: 'what vote sends to Redis is late by 0.9 s for a moment, and then no more',
  touches: ['vote', 'redis'],
  needs: ['link-vote-redis'],
  holdMs: [300, 700],
  async inject({ system }) {
    const link = system.link('vote-redis');
    link.delay(900);
    return { heal: async () => link.mend() };
  },
};
