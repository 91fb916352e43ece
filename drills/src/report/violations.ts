import { RULES, type RuleName, type Violation } from '../history/violation.ts';

/** Of each rule; one fault of the system easily breaks a rule hundreds of times. */
const MOST_EXAMPLES = 3;

/** The rules of violations, each once, in the order in which they were found. */
export function rulesOf(violations: readonly Violation[]): RuleName[] {
  return [...new Set(violations.map(({ rule }) => rule))];
}

/** Lines that tell every broken rule, with some examples of what broke it. */
export function tellViolations(violations: readonly Violation[]): string[] {
  return rulesOf(violations).flatMap((rule) => {
    const examples = violations.filter((violation) => violation.rule === rule);
    const more = examples.length - MOST_EXAMPLES;
    return [
      `  ${rule} (${RULES[rule]})`,
      ...examples
        .slice(0, MOST_EXAMPLES)
        .map(({ what }) => `    ${what.trimEnd().replaceAll('\n', '\n    ')}`),
      ...(more > 0 ? [`    and ${more} more`] : []),
    ];
  });
}
