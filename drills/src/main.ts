import { rmSync } from 'node:fs';
import { relative } from 'node:path';
import { type Command, commandAgain, parseCommand, USAGE } from './command.ts';
import { DRILLS, FULL } from './drills/catalogue.ts';
import { makeFreeFolder } from './drills/free-folder.ts';
import { type DrillResult, runDrill } from './drills/run-drill.ts';
import { check } from './history/check.ts';
import { checkHistoryAlone } from './history/check-history.ts';
import { readDrill } from './history/read.ts';
import { RULES } from './history/violation.ts';
import { type ProofResult, prove } from './proofs/prove.ts';
import { coverage, undrawn } from './report/coverage.ts';
import { findPlace } from './report/document.ts';
import { brokenAnywayLines, proofComplaints, proofsTable } from './report/proofs.ts';
import { provenance } from './report/provenance.ts';
import { remarks } from './report/remarks.ts';
import { complaints, drillsTable, faultsTable, passed, slowFaults, verdict } from './report/report.ts';
import { createComposeSystem } from './system/compose.ts';
import { createLocalSystem } from './system/local.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const seed = process.env.SEED || String(Math.floor(Math.random() * 1e9));

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

async function runDrills(command: Command & { do: 'drill' }): Promise<boolean> {
  const { drills, compose, keep } = command;
  const place = await openReport(command, compose ? 'drills on compose' : 'drills', compose);
  const create = compose ? createComposeSystem : createLocalSystem;
  const results: DrillResult[] = [];
  for (const [index, drill] of drills.entries()) {
    say(`${index + 1}/${drills.length} ${drill.name}: ${drill.about}`);
    const folder = makeFreeFolder(drill.name, seed);
    const result = await runDrill(drill, { seed, folder, create });
    tell(result, folder, commandAgain(drill, command));
    if (isWell(result) && !keep) rmSync(folder, { recursive: true, force: true });
    results.push(result);
  }
  const parts = [drillsTable(results), faultsTable(results), ...remarks(results)];
  say(`\n${[...parts, ...undrawn(results, FULL)].join('\n\n')}\n`);
  place?.fill([coverage(results, FULL), ...parts]);
  return results.every(isWell);
}

async function runProofs(command: Command & { do: 'prove' }): Promise<boolean> {
  const { proofs, keep } = command;
  const place = await openReport(command, 'proofs', false);
  const results: ProofResult[] = [];
  for (const [index, proof] of proofs.entries()) {
    say(`${index + 1}/${proofs.length} ${proof.name}: ${proof.about}`);
    const folder = makeFreeFolder(`prove-${proof.name}`, seed);
    const result = await prove(proof, { seed, folder, create: createLocalSystem });
    if (result.proved) say(`  caught, at attempt ${result.attempts} (SEED=${result.without.seed})`);
    for (const line of brokenAnywayLines(result)) say(line);
    for (const line of proofComplaints(result, relative(process.cwd(), folder))) say(line);
    if (result.proved && !keep) rmSync(folder, { recursive: true, force: true });
    results.push(result);
  }
  say(`\n${proofsTable(results)}\n`);
  place?.fill([proofsTable(results)]);
  return results.every(({ proved }) => proved);
}

/**
 * Where the tables are put, if the command line asks for that. Found, and what the run is of noted, before the hour that
 * the run takes: the code must not have changed by then.
 * @throws if the document has no place for them.
 */
async function openReport({ report }: { report?: string }, section: string, compose: boolean) {
  if (report === undefined) return undefined;
  const place = findPlace(report, section);
  const of = await provenance({ compose, seed, document: report });
  return { fill: (parts: readonly string[]) => place.fill([of, ...parts]) };
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
  const command = parseCommand(process.argv.slice(2));
  switch (command.do) {
    case 'help':
      say(USAGE);
      return true;
    case 'list':
      for (const { name, about } of DRILLS.values()) say(`${name.padEnd(22)} ${about}`);
      return true;
    case 'check':
      return checkAgain(command.folder);
    case 'prove':
      say(`SEED=${seed}`);
      return runProofs(command);
    case 'drill':
      say(`SEED=${seed}`);
      return runDrills(command);
  }
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
