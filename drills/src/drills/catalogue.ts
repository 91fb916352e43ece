import { FAULTS_BY_NAME } from '../faults/all.ts';
import { clockFaults } from '../faults/clock.ts';
import type { Fault } from '../faults/fault.ts';
import { LINKS, linkFaults } from '../faults/links.ts';
import { killAtSteps } from '../faults/processes.ts';
import type { Drill } from './drill.ts';

const fault = (name: string): Fault => {
  const found = FAULTS_BY_NAME.get(name);
  if (!found) throw new Error(`there is no fault ${name}`);
  return found;
};

/** A drill of one fault, named as the fault. */
const alone = (name: string, rounds: number, more: Partial<Drill> = {}): Drill => {
  const one = fault(name);
  const needs = one.needs ?? [];
  return {
    name,
    about: one.about,
    faults: [one],
    plan: { order: 'in-turn', rounds },
    ...(needs.length > 0 ? { system: { prepare: needs } } : {}),
    ...more,
  };
};

const single: readonly Drill[] = [
  alone('kill-vote', 5),
  alone('kill-worker', 5),
  alone('kill-result', 5),
  alone('kill-workers', 2, { browser: true }),
  {
    name: 'kill-at-each-step',
    about: 'workers are killed right after each step of a batch in turn',
    faults: killAtSteps,
    plan: { order: 'in-turn', rounds: 2 },
    system: { prepare: ['failpoints'] },
  },
  alone('pause-vote', 4),
  alone('pause-worker', 4),
  alone('pause-workers-shortly', 2),
  alone('pause-result', 4, { browser: true }),
  alone('stop-services', 2),
  alone('stop-everything', 4),
  alone('workers-come-and-go', 2),
  alone('five-workers', 2, { load: { hot: 30, restless: 10, newcomersPerSecond: 5 } }),
  alone('kill-redis', 3, { browser: true }),
  alone('pause-redis', 2),
  alone('full-redis', 3),
  alone('failing-file', 3),
  alone('failing-file-unread', 2),
  alone('cut-tail', 3),
  alone('rolled-back-redis', 2),
  alone('emptied-redis', 2, { faults: ['emptied-redis', 'emptied-redis-under-owners'].map(fault) }),
  alone('kill-postgres', 3, { browser: true }),
  alone('stop-postgres', 3),
  alone('stop-postgres-fast', 3),
  alone('pause-postgres', 2),
  alone('full-disk', 2),
  alone('away-until-full', 1),
  alone('both-stores', 3),
  ...LINKS.map(
    (link): Drill => ({
      name: `link-${link}`,
      about: `what passes between ${link.replace('-', ' and ')} is late, cut, or goes nowhere`,
      faults: linkFaults(link),
      plan: { order: 'in-turn', rounds: 2 },
      system: { prepare: ['links'] },
      browser: link === 'page-result',
    }),
  ),
  alone('late-then-in-time', 3),
  {
    name: 'clocks',
    about: 'wall clocks are stepped forth and back: all of them, or those of one part',
    faults: clockFaults,
    plan: { order: 'in-turn', rounds: 2 },
    system: { prepare: ['clocks'] },
  },
  alone('foreign-entries', 5),
  alone('poisoned-choice', 3),
  alone('change-polls', 3),
  alone('close-poll', 1, { browser: true }),
];

/** What is run with the tests: on one system, in two minutes. */
const short: Drill = {
  name: 'short',
  about: 'deaths at every step of a batch, then faults of services, stores, links and hands, each once',
  faults: [
    ...killAtSteps.map(({ name }) => name),
    'kill-vote',
    'kill-redis',
    'hold-worker-postgres',
    'foreign-entries',
    'pause-worker',
    'poisoned-choice',
    'kill-postgres',
    'hold-vote-redis',
    'both-stores',
    'stop-everything',
    'change-polls',
    'emptied-redis',
    'close-poll',
  ].map(fault),
  plan: { order: 'in-turn', rounds: 1 },
  system: { prepare: ['links', 'failpoints'] },
};

const mixed: Drill = {
  name: 'mixed',
  about: 'all faults drawn at random, several at once, for ten minutes',
  faults: [...FAULTS_BY_NAME.values()],
  plan: { order: 'mixed', forMs: 600_000 },
  system: {
    workers: 3,
    prepare: ['links', 'clocks', 'failpoints', 'failing-file', 'redis-files', 'full-disk'],
  },
  browser: true,
};

/** The drills of the full set, in order. */
export const FULL: readonly Drill[] = [...single, mixed];

/** The drills of the set that runs with the tests. */
export const SHORT: readonly Drill[] = [short];

/** All, by name. */
export const DRILLS: ReadonlyMap<string, Drill> = new Map(
  [...SHORT, ...FULL].map((drill) => [drill.name, drill]),
);
