/**
 * `npm run audit`: what is known against the packages of others. Checks the lockfile against the rules of
 * pnpm-workspace.yaml (age, origin), asks the registry for known vulnerabilities, and the licences of what runs in
 * production against a list. Arguments go to pnpm: `npm run audit -- --registry https://registry.npmjs.org/`.
 *
 * Exits with 0 where nothing was found, 1 where something was, and 2 where a check could not be made.
 */
import { pnpm } from './pnpm.mjs';
import { checkNode, install } from './prepare.mjs';
import { say } from './terminal.mjs';

const FOUND = 1;
const NOT_CHECKED = 2;

checkNode(NOT_CHECKED);

/** All of them permit use, change and distribution without a claim on our own source. */
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
]);

const args = process.argv.slice(2).filter((arg) => arg !== '--');

/** Whether this SPDX expression leaves a choice that the list has; of "A AND B" it must have both. */
const isPermitted = (licence) =>
  licence
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((name) => LICENCES.has(name.trim())));

/** Each check gives undefined, or an exit code and what to say. */
const CHECKS = {
  'The lockfile keeps the rules of pnpm-workspace.yaml': async () => {
    // Installs nothing, and reads the publication of every locked version.
    const { code, output } = await pnpm(['install', '--frozen-lockfile', '--lockfile-only', ...args]);
    if (code === 0) return undefined;
    const broken = /ERR_PNPM_(MINIMUM_RELEASE_AGE_VIOLATION|TRUST_DOWNGRADE|LOCKFILE_\w+|OUTDATED_LOCKFILE)/;
    return broken.test(output)
      ? [FOUND, output]
      : [NOT_CHECKED, `The registry does not tell enough about the locked packages:\n${output}`];
  },
  'No known vulnerability in what runs in production': () => advisories(['--prod']),
  'None of high severity in what only builds and tests': () => advisories(['--dev', '--audit-level=high']),
  'The licences of what runs in production are on our list': async () => {
    const { code, output } = await pnpm(['licenses', 'list', '--recursive', '--prod', '--json']);
    // npm and pnpm may warn before and after.
    const json = output.slice(Math.max(0, output.search(/^\{/m)), output.lastIndexOf('}') + 1);
    if (code !== 0 || !json.startsWith('{')) return [NOT_CHECKED, output];
    const others = Object.entries(JSON.parse(json)).filter(([licence]) => !isPermitted(licence));
    if (others.length === 0) return undefined;
    const lines = others.map(
      ([licence, packages]) => `${licence}: ${packages.map(({ name }) => name).join(', ')}`,
    );
    return [FOUND, `Take another package, or add the licence to scripts/audit.mjs:\n${lines.join('\n')}`];
  },
};

async function advisories(which) {
  const { code, output } = await pnpm(['audit', ...which, ...args]);
  if (code === 0) return undefined;
  if (/\d+ vulnerabilities found/.test(output)) return [FOUND, output];
  return [
    NOT_CHECKED,
    'The registry did not say which vulnerabilities are known: a mirror may lack that service. Ask another:\n' +
      `  npm run audit -- --registry https://registry.npmjs.org/\nIt answered:\n${output}`,
  ];
}

let exitCode = 0;
try {
  await install();
  for (const [name, check] of Object.entries(CHECKS)) {
    const [code, text] = (await check()) ?? [0, ''];
    // npm's remarks on its own settings are about nothing here.
    const told = text.replace(/^npm warn .*\n/gm, '').trim();
    say(`${['✓', '✗', '?'][code]} ${name}${told && `\n${told}\n`}`);
    // A finding says more than a question that stays open.
    if (exitCode !== FOUND && code !== 0) exitCode = code;
  }
} catch (error) {
  say(`\n✗ ${error.message}`);
  exitCode = NOT_CHECKED;
}
if (exitCode === NOT_CHECKED) say('Not everything could be checked (exit code 2).');
process.exitCode = exitCode;
