import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { DRILLS, FULL, SHORT } from './drills/catalogue.ts';
import type { Drill } from './drills/drill.ts';
import { type DrillResult, runDrill } from './drills/run-drill.ts';
import { check } from './history/check.ts';
import { checkHistoryAlone } from './history/check-history.ts';
import { readDrill } from './history/read.ts';
import { RULES } from './history/violation.ts';
import { PROOFS } from './proofs/proofs.ts';
import { type ProofResult, prove } from './proofs/prove.ts';
import { updateDocument } from './report/document.ts';
import { brokenAnywayLines, proofComplaints, proofsTable } from './report/proofs.ts';
import { complaints, drillsTable, faultsTable, passed, slowFaults, verdict } from './report/report.ts';
import { createComposeSystem } from './system/compose.ts';
import { createLocalSystem } from './system/local.ts';
import { ROOT } from './system/project.ts';

const USAGE = `Usage: npm run drill -- [drill …] [options]
Lets voters vote on a real system, applies faults, and checks every ballot.

  (no drill)       the full set, under an hour; with drills' names: those
  --short          the set that runs with the tests, about two minutes
  --list           the drills
  --compose        on containers of Docker Compose in place of local processes
  --prove [name …] switch the mechanisms off one at a time, and see that a drill notices each
  --report FILE    put the tables into a document that has a place for them, such as docs/drills.md
  --check FOLDER   check the history of an earlier drill again
  --minutes N      how long a mixed drill lasts (10)
  --keep           keep the history and logs of drills that passed, too

SEED=… repeats the voters' choices and the schedule of faults of an earlier run. What a seed cannot repeat is when the
machine runs which process, and so which ballots meet which fault.
`;

const RESULTS = join(ROOT, 'test-results', 'drills');

const say = (line: string) => process.stdout.write(`${line}\n`);

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    compose: { type: 'boolean', default: false },
    prove: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    report: { type: 'string' },
    check: { type: 'string' },
    minutes: { type: 'string' },
  },
});
const seed = process.env.SEED || String(Math.floor(Math.random() * 1e9));

/** @throws if there is none of this name, with those that there are. */
function named<T>(name: string, all: ReadonlyMap<string, T>): T {
  const found = all.get(name);
  if (!found) throw new Error(`There is no "${name}". There are: ${[...all.keys()].join(', ')}`);
  return found;
}

function chosenDrills(): readonly Drill[] {
  if (positionals.length > 0) return positionals.map((name) => named(name, DRILLS)).map(lasting);
  return (flags.short ? SHORT : FULL).map(lasting);
}

/** A mixed drill lasts as long as the command line says. */
function lasting(drill: Drill): Drill {
  if (flags.minutes === undefined || drill.plan.order !== 'mixed') return drill;
  const minutes = Number(flags.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes must be a number of minutes, and is "${flags.minutes}"`);
  return { ...drill, plan: { order: 'mixed', forMs: minutes * 60_000 } };
}

const create = flags.compose ? createComposeSystem : createLocalSystem;
const folderOf = (name: string) => join(RESULTS, `${name}-${seed}`);

/** What runs a drill again as it was run now. */
function commandFor({ name, plan }: Drill): string {
  const minutes = flags.minutes !== undefined && plan.order === 'mixed' ? ` --minutes ${flags.minutes}` : '';
  return `npm run drill -- ${name}${minutes}${flags.compose ? ' --compose' : ''}`;
}

/** The full set is run where nothing else is: there, voters who waited for too long are a failure too. */
function isWell(result: DrillResult): boolean {
  return passed(result) && slowFaults(result).length === 0;
}

function tell(result: DrillResult, folder: string, command: string): void {
  const reason = result.leftOut === undefined ? `${Math.round(result.seconds)} s` : result.leftOut;
  say(`  ${verdict(result)}: ${reason}`);
  for (const { fault, why } of result.without ?? []) say(`  without ${fault}: ${why}`);
  for (const line of complaints(result, relative(process.cwd(), folder), command)) say(line);
}

async function runDrills(drills: readonly Drill[]): Promise<DrillResult[]> {
  const results: DrillResult[] = [];
  for (const [index, drill] of drills.entries()) {
    say(`${index + 1}/${drills.length} ${drill.name}: ${drill.about}`);
    const folder = folderOf(drill.name);
    const result = await runDrill(drill, { seed, folder, create });
    tell(result, folder, commandFor(drill));
    if (isWell(result) && !flags.keep) rmSync(folder, { recursive: true, force: true });
    results.push(result);
  }
  say(`\n${drillsTable(results)}\n\n${faultsTable(results)}\n`);
  return results;
}

async function runProofs(): Promise<ProofResult[]> {
  const byName = new Map(PROOFS.map((proof) => [proof.name, proof]));
  const proofs = positionals.length > 0 ? positionals.map((name) => named(name, byName)) : PROOFS;
  const results: ProofResult[] = [];
  for (const [index, proof] of proofs.entries()) {
    say(`${index + 1}/${proofs.length} ${proof.name}: ${proof.about}`);
    const folder = folderOf(`prove-${proof.name}`);
    const result = await prove(proof, { seed, folder, create: createLocalSystem });
    if (result.proved) say(`  caught, at attempt ${result.attempts} (SEED=${result.without.seed})`);
    for (const line of brokenAnywayLines(result)) say(line);
    for (const line of proofComplaints(result, relative(process.cwd(), folder))) say(line);
    if (result.proved && !flags.keep) rmSync(folder, { recursive: true, force: true });
    results.push(result);
  }
  say(`\n${proofsTable(results)}\n`);
  return results;
}

async function checkAgain(folder: string): Promise<boolean> {
  const { history, final } = await readDrill(folder);
  const violations = final ? check(history, final) : checkHistoryAlone(history);
  if (!final) say('There is no final state: only what the history alone can tell of is checked.');
  for (const { rule, what } of violations) say(`${rule} (${RULES[rule]})\n  ${what}`);
  say(`${history.length} events, ${violations.length} violations`);
  return violations.length === 0;
}

async function main(): Promise<boolean> {
  if (flags.help) {
    say(USAGE);
    return true;
  }
  if (flags.list) {
    for (const { name, about } of DRILLS.values()) say(`${name.padEnd(22)} ${about}`);
    return true;
  }
  if (flags.check !== undefined) return checkAgain(flags.check);
  say(`SEED=${seed}`);
  const report = (section: string, tables: readonly string[]) => {
    if (flags.report !== undefined) updateDocument(flags.report, section, [`SEED=${seed}`, ...tables]);
  };
  if (flags.prove) {
    const results = await runProofs();
    report('proofs', [proofsTable(results)]);
    return results.every(({ proved }) => proved);
  }
  const results = await runDrills(chosenDrills());
  report(flags.compose ? 'drills on compose' : 'drills', [drillsTable(results), faultsTable(results)]);
  return results.every(isWell);
}

let code = 0;
try {
  code = (await main()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`✗ ${(error as Error).message}\n`);
  code = 2;
}
// Nothing of a drill is left to wait for; what a connection that hangs has left in the event loop would be waited for.
process.stdout.write('', () => process.exit(code));
