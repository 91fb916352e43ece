/**
 * `npm run secrets`: makes the passwords and keys that compose.release.yaml reads, each in a file of ./secrets
 * (SECRETS_DIR names another folder). Makes only what is missing; what is there stays as it is.
 *
 *   npm run secrets -- rotate NAME   a new one, for voter_keys, receipt_keys, crowd_keys, redis, limits or postgres
 *   npm run secrets -- retire NAME   takes the old keys away, for voter_keys, receipt_keys or crowd_keys
 *
 * docs/operations.md says what to restart then. Needs Node alone: no packages, no build.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { completeSecrets, KEYS, retire, rotate, SecretsError, STORES } from './release-secrets.mjs';

const ROTATABLE = [...KEYS, ...Object.keys(STORES)];
const USAGE = `Usage: npm run secrets [-- rotate ${ROTATABLE.join('|')}]
       npm run secrets -- retire ${KEYS.join('|')}`;

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(root, process.env.SECRETS_DIR || 'secrets');
const list = (names) => (names.length > 0 ? names.join(', ') : 'nothing');

function run([command, name, ...rest]) {
  if (command === undefined) {
    const { made, kept } = completeSecrets(folder);
    console.log(`In ${folder}\n  made: ${list(made)}\n  there already, and left as they are: ${list(kept)}`);
    if (made.includes('redis_acl') && kept.includes('redis_url_vote')) {
      console.log(
        'A Redis that runs does not know the users of redis_acl yet: give the commands of the row "redis" under "Rotate a key or\n' +
          'a password" in docs/operations.md.',
      );
    }
    const anew = STORES.postgres.filter((file) => made.includes(file));
    if (anew.length > 0 && anew.length < STORES.postgres.length) {
      console.log(
        `A PostgreSQL that runs with the earlier ${list(anew)} must be told of what was made anew: give the commands of the\n` +
          'row "postgres" under "Rotate a key or a password" in docs/operations.md.',
      );
    }
    console.log(
      'Keep a copy of the folder where only operators get at it, apart from the backups of the data. Without\n' +
        "voter_keys, browsers could vote a second time, and without receipt_keys nobody's receipt can be looked up.\n" +
        'All else can be made anew (docs/operations.md).',
    );
    return 0;
  }
  const known = command === 'rotate' ? ROTATABLE : command === 'retire' ? KEYS : [];
  if (!known.includes(name) || rest.length > 0) {
    console.error(USAGE);
    return 2;
  }
  const written = command === 'rotate' ? rotate(folder, name) : retire(folder, name);
  console.log(`In ${folder}\n  written: ${list(written)}`);
  console.log(
    'Containers go on with what they have read: docs/operations.md says which to make anew, and in which order.',
  );
  return 0;
}

try {
  process.exitCode = run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SecretsError) && error.code === undefined) throw error;
  console.error(`✗ ${error.message}`);
  process.exitCode = 1;
}
