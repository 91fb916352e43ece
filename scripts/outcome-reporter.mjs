/**
 * A reporter for vitest that writes a run's outcome to the file that OUTCOME_FILE names, as JSON: the counts `passed`,
 * `failed` and `skipped`, and `failures`, a text for each thing that failed: tests, hooks, files that cannot be loaded, and
 * errors outside of any test.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { root } from './pnpm.mjs';

/** A difference may be as long as a page; it was shown whole before. */
const LINES_OF_AN_ERROR = 20;

function textOf(where, { message = '', diff = '', stack = '', cause }) {
  const why = cause ? `because: ${cause.message ?? cause}` : '';
  const ours = stack.split('\n').filter((line) => line.includes(root) && !line.includes('node_modules'));
  const lines = `${message}\n${why}\n${diff}`.split('\n').filter((line) => line.trim() !== '');
  return stripVTControlCharacters(
    [`✗ ${where}`, ...lines.slice(0, LINES_OF_AN_ERROR), ...ours.map((line) => line.trim())].join('\n    '),
  );
}

export default class OutcomeReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const outcome = { passed: 0, failed: 0, skipped: 0, failures: [] };
    const fail = (where, errors) => {
      outcome.failed += 1;
      outcome.failures.push(...errors.map((error) => textOf(where, error)));
    };
    for (const module of modules) {
      const file = relative(root, module.moduleId);
      for (const group of [module, ...module.children.allSuites()]) {
        const errors = group.errors();
        if (errors.length > 0) fail([file, group.fullName].filter(Boolean).join(' > '), errors);
      }
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === 'failed') fail(`${file} > ${test.fullName}`, errors);
        else outcome[state === 'passed' ? 'passed' : 'skipped'] += 1;
      }
    }
    for (const error of unhandledErrors) fail('outside of any test', [error]);
    writeFileSync(process.env.OUTCOME_FILE, JSON.stringify(outcome));
  }
}
