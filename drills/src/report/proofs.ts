import type { ProofResult } from '../proofs/prove.ts';
import { complaints } from './report.ts';
import { table } from './table.ts';

/** A line for each proof. Where further attempts were needed, the last one's seed stands beside the control's. */
export function proofsTable(results: readonly ProofResult[]): string {
  return table(
    ['mechanism', 'seed', 'attempts', 'without it', 'caught'],
    results.map(({ proof, control, without, attempts, proved, why }) => [
      proof,
      [...new Set([control.seed, without.seed])].join(', '),
      String(attempts),
      [...new Set(without.violations.map(({ rule }) => rule))].join(', '),
      proved ? 'yes' : `NO: ${why}`,
    ]),
  );
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
