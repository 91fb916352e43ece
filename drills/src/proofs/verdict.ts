import type { DrillResult } from '../drills/run-drill.ts';
import type { Violation } from '../history/violation.ts';
import type { Proof } from './proofs.ts';

/** What both runs of a proof come to. */
export type Verdict = {
  /** Why it is not proved, in words; undefined if it is. */
  why?: string;
  /** Where other safeguards were taken away in both runs: promises broken in the control that the proof is not about. */
  brokenAnyway: readonly Violation[];
};

/** What the proof is about, of what was found in a run. */
export function concerning({ breaks }: Pick<Proof, 'breaks'>, { violations }: DrillResult): Violation[] {
  return violations.filter(({ rule }) => breaks.includes(rule));
}

/**
 * Judges a proof. A control that nothing was taken from must keep every promise: it is the system as it is. One that lacks
 * other safeguards besides must keep those that the proof is about, and may break others for want of the safeguards.
 */
export function judge(
  proof: Pick<Proof, 'breaks' | 'besides'>,
  control: DrillResult,
  without: DrillResult,
): Verdict {
  const lacksOthers = (proof.besides ?? []).length > 0;
  const concerns = concerning(proof, control);
  const brokenAnyway = lacksOthers
    ? control.violations.filter((violation) => !concerns.includes(violation))
    : [];
  const unexpected = lacksOthers ? concerns : control.violations;
  const leftOut = control.leftOut ?? without.leftOut;
  const why = (): string | undefined => {
    if (leftOut !== undefined) return `left out: ${leftOut}`;
    if (control.failure) return `the drill failed with the mechanism: ${control.failure.message}`;
    if (unexpected.length > 0) return `with the mechanism, ${unexpected[0]!.rule}: ${unexpected[0]!.what}`;
    if (concerning(proof, without).length > 0) return undefined;
    const failed = without.failure ? `, and the drill failed: ${without.failure.message}` : '';
    return `nothing was noticed without it${failed}`;
  };
  const reason = why();
  return { brokenAnyway, ...(reason === undefined ? {} : { why: reason }) };
}
