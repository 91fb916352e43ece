import { parseArgs } from 'node:util';
import { DRILLS, FULL, SHORT } from './drills/catalogue.ts';
import type { Drill } from './drills/drill.ts';
import { PROOFS, type Proof } from './proofs/proofs.ts';

export const USAGE = `Usage: npm run drill -- [drill …] [options]
Lets voters vote on a real system, applies faults, and checks every ballot.

  (no drill)       the full set, under an hour; with drills' names: those
  --short          the set that runs with the tests, about two minutes
  --list           the drills
  --compose        on containers of Docker Compose in place of local processes
  --prove [name …] switch the mechanisms off one at a time, and see that a drill notices each
  --report FILE    put the tables into a document that has a place for them, such as docs/drills.md: of the full set, of
                   all proofs, or of any drills in containers
  --check FOLDER   check the history of an earlier drill again
  --minutes N      how long a mixed drill lasts (10)
  --keep           keep the history and logs of drills that passed, too

SEED=… repeats the voters' choices and the schedule of faults of an earlier run. What a seed cannot repeat is when the
machine runs which process, and so which ballots meet which fault.

Exits with 0 if every promise was kept, 1 if one was not, 2 if that could not be found out.
`;

/** What the command line asks for. */
export type Command =
  | { do: 'help' }
  | { do: 'list' }
  | { do: 'check'; folder: string }
  | ({ do: 'prove'; proofs: readonly Proof[] } & Outcome)
  | ({ do: 'drill'; drills: readonly Drill[]; compose: boolean; minutes?: string } & Outcome);

type Outcome = {
  /** Folders of what passed are kept, too. */
  keep: boolean;
  /** The document that gets the tables. */
  report?: string;
};

const OPTIONS = {
  short: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  compose: { type: 'boolean', default: false },
  prove: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  report: { type: 'string' },
  check: { type: 'string' },
  minutes: { type: 'string' },
} as const;

/** @throws if nothing can be made of the arguments, or one of them would be ignored without a word. */
export function parseCommand(args: readonly string[]): Command {
  const { values: flags, positionals: names } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: OPTIONS,
  });
  if (flags.help) return { do: 'help' };
  if (flags.list) return { do: 'list' };
  if (flags.check !== undefined) return { do: 'check', folder: flags.check };
  const { keep, report, minutes, compose, short } = flags;
  const outcome = { keep, ...(report === undefined ? {} : { report }) };
  const some = short || names.length > 0;
  if (short && names.length > 0) throw new Error('Either --short or names, not both');
  if (flags.prove) {
    if (compose || short || minutes !== undefined)
      throw new Error('Proofs run on local processes, as they are: without --compose, --short and --minutes');
    if (report !== undefined && some) throw new Error('--report takes all proofs, not some');
    return { do: 'prove', proofs: named(names, PROOFS), ...outcome };
  }
  if (report !== undefined && ((some && !compose) || minutes !== undefined))
    throw new Error('--report takes the full set as it is: without names, --short and --minutes');
  const drills = short ? SHORT : names.length > 0 ? named(names, [...DRILLS.values()]) : FULL;
  return {
    do: 'drill',
    drills: minutes === undefined ? drills : lasting(drills, minutes),
    compose,
    ...(minutes === undefined ? {} : { minutes }),
    ...outcome,
  };
}

/**
 * Those of the names, or all if none is named.
 * @throws if there is none of a name, with those that there are.
 */
function named<T extends { name: string }>(names: readonly string[], all: readonly T[]): readonly T[] {
  if (names.length === 0) return all;
  return names.map((name) => {
    const found = all.find((one) => one.name === name);
    if (!found) throw new Error(`There is no "${name}". There are: ${all.map((one) => one.name).join(', ')}`);
    return found;
  });
}

/** With mixed drills that last as long as asked for. */
function lasting(drills: readonly Drill[], minutes: string): Drill[] {
  if (!(Number(minutes) > 0)) throw new Error(`--minutes must be a number of minutes, and is "${minutes}"`);
  const forMs = Number(minutes) * 60_000;
  return drills.map((drill) =>
    drill.plan.order === 'mixed' ? { ...drill, plan: { order: 'mixed', forMs } } : drill,
  );
}

/** What runs a drill again as it was run. */
export function commandAgain(
  { name, plan }: Drill,
  { compose, minutes }: { compose: boolean; minutes?: string },
): string {
  const forMinutes = minutes !== undefined && plan.order === 'mixed' ? ` --minutes ${minutes}` : '';
  return `npm run drill -- ${name}${forMinutes}${compose ? ' --compose' : ''}`;
}
