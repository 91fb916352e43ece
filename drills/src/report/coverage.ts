/** Which drills of a set were run, in words: a table of some must not look like one of all. */
export function coverage(
  results: readonly { drill: string; leftOut?: string }[],
  set: readonly { name: string }[],
): string {
  const names = set.map(({ name }) => name);
  const run = results.filter(({ leftOut }) => leftOut === undefined).map(({ drill }) => drill);
  const leftOut = results.filter((result) => result.leftOut !== undefined).map(({ drill }) => drill);
  const notAsked = names.filter((name) => !results.some(({ drill }) => drill === name));
  const besides = run.filter((name) => !names.includes(name));
  const parts = [`Run: ${run.length - besides.length} of the ${names.length} drills of the full set`];
  if (besides.length > 0) parts.push(`besides: ${besides.join(', ')}`);
  if (leftOut.length > 0) parts.push(`left out: ${leftOut.join(', ')}`);
  if (notAsked.length > 0) parts.push(`not asked for: ${notAsked.join(', ')}`);
  return `${parts.join('; ')}.`;
}
