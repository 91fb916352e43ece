import { fileURLToPath } from 'node:url';

/** One mechanism switched off: in the built file that ends with `file`, `find` becomes `replace`. */
export type Mutation = { file: string; find: string; replace: string };

/**
 * The environment that makes a Node process load its modules with the mutations applied. The process fails at once if
 * a text to be replaced is not there, so that a mutation cannot silently do nothing.
 */
export function mutated(...mutations: Mutation[]): Record<string, string> {
  const register = fileURLToPath(new URL('mutation-register.mjs', import.meta.url));
  return { NODE_OPTIONS: `--import=${register}`, HBF_TEST_MUTATIONS: JSON.stringify(mutations) };
}
