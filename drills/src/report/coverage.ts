import type { Drill } from '../drills/drill.ts';
import type { DrillResult } from '../drills/run-drill.ts';

type Results = readonly Pick<DrillResult, 'drill' | 'leftOut' | 'history' | 'without'>[];
type DrillSet = readonly Pick<Drill, 'name' | 'plan' | 'faults'>[];

/**
 * Which drills of a set were run, and which faults of a mixed one were never drawn, in words: a table of some must not look
 * like one of all.
 */
export function coverage(results: Results, set: DrillSet): string {
  const names = set.map(({ name }) => name);
  const run = results.filter(({ leftOut }) => leftOut === undefined).map(({ drill }) => drill);
  const leftOut = results.filter((result) => result.leftOut !== undefined).map(({ drill }) => drill);
  const notAsked = names.filter((name) => !results.some(({ drill }) => drill === name));
  const besides = run.filter((name) => !names.includes(name));
  const parts = [`Run: ${run.length - besides.length} of the ${names.length} drills of the full set`];
  if (besides.length > 0) parts.push(`besides: ${besides.join(', ')}`);
  if (leftOut.length > 0) parts.push(`left out: ${leftOut.join(', ')}`);
  if (notAsked.length > 0) parts.push(`not asked for: ${notAsked.join(', ')}`);
  return [`${parts.join('; ')}.`, ...undrawn(results, set)].join(' ');
}

/** For each mixed drill that was run, the faults that were never drawn, in words; none where all were. */
export function undrawn(results: Results, set: DrillSet): string[] {
  return results.flatMap((result) => {
    const drill = set.find(({ name }) => name === result.drill);
    if (drill?.plan.order !== 'mixed' || result.leftOut !== undefined) return [];
    const never = neverHeld(drill, result);
    return never.length > 0 ? [`Not drawn in ${drill.name}: ${never.join(', ')}.`] : [];
  });
}

/** The faults of a drill that its history does not tell of, but for those that it was run without. */
function neverHeld(
  { faults }: Pick<Drill, 'faults'>,
  { history, without = [] }: Pick<DrillResult, 'history' | 'without'>,
): string[] {
  const held = new Set(
    history.flatMap((event) => (event.type === 'fault' && event.phase === 'holds' ? [event.name] : [])),
  );
  return faults
    .map(({ name }) => name)
    .filter((name) => !held.has(name) && !without.some(({ fault }) => fault === name));
}
