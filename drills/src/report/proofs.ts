import type { ProofResult } from '../proofs/prove.ts';
import { complaints } from './report.ts';
import { table } from './table.ts';
import { rulesOf, tellViolations } from './violations.ts';

/** A line for each proof. Where further attempts were needed, the last one's seed stands beside the control's. */
export function proofsTable(results: readonly ProofResult[]): string {
  return table(
    ['mechanism', 'seed', 'attempts', 'broken anyway', 'without it', 'caught'],
    results.map(({ proof, control, without, attempts, proved, why, brokenAnyway }) => [
      proof,
      [...new Set([control.seed, without.seed])].join(', '),
      String(attempts),
      rulesOf(brokenAnyway).join(', '),
      rulesOf(without.violations).join(', '),
      proved ? 'yes' : `NO: ${why}`,
    ]),
  );
}

/** What the control broke for want of the other safeguards; empty if it broke nothing. */
export function brokenAnywayLines({ brokenAnyway }: Pick<ProofResult, 'brokenAnyway'>): string[] {
  if (brokenAnyway.length === 0) return [];
  return ['  Broken with the mechanism too, as other safeguards are gone:', ...tellViolations(brokenAnyway)];
}

/** Why a proof failed, with what both of its runs showed, and how to run it again; empty if it did not. */
export function proofComplaints(result: ProofResult, folder: string): string[] {
  const { proof, control, without, attempts, proved, why } = result;
  if (proved) return [];
  const command = `npm run drill -- --prove ${proof}`;
  return [
    `  NOT PROVED: ${why}`,
    `  With the mechanism: ${folder}/with`,
    ...complaints(control, `${folder}/with`, command),
    `  Without it, in the last of ${attempts}: ${folder}/without-${attempts}`,
    ...complaints(without, `${folder}/without-${attempts}`, command),
    `  Again: SEED=${control.seed} ${command}`,
  ];
}
