/** The secrets of compose.release.yaml: what is in each file, and how they belong together. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { hashOf, limitsAcl, redisAcl } from './redis-acl.mjs';

/** What is there does not fit together. The message says what to do. */
export class SecretsError extends Error {}

const random = () => randomBytes(32).toString('hex');
const firstKey = () => `k1:${random()}`;
const passwordOf = (url) => new URL(url).password;

/** Lists of keys: the first signs, all verify. */
export const KEYS = ['voter_keys', 'receipt_keys', 'crowd_keys'];

/** How each is made where it is missing. Passwords are hexadecimal: no digit means anything in a URL. */
const MADE = {
  voter_keys: firstKey,
  receipt_keys: firstKey,
  crowd_keys: firstKey,
  postgres_password: random,
  postgres_exporter_password: random,
  database_url_worker: () => `postgres://worker:${random()}@db:5432/hbf`,
  database_url_result: () => `postgres://result:${random()}@db:5432/hbf`,
  redis_url_vote: () => `redis://vote:${random()}@redis:6379`,
  redis_url_worker: () => `redis://worker:${random()}@redis:6379`,
  redis_operator_password: random,
  // As redis_exporter reads it: passwords by whom they are asked of.
  redis_exporter_passwords: () => JSON.stringify({ 'redis://exporter@redis:6379': random() }),
  limits_url: () => `redis://vote:${random()}@limits:6379`,
  grafana_admin_password: random,
};

/** What holds the passwords of one store. */
export const STORES = {
  redis: ['redis_url_vote', 'redis_url_worker', 'redis_exporter_passwords', 'redis_operator_password'],
  limits: ['limits_url'],
  postgres: ['postgres_password', 'postgres_exporter_password', 'database_url_worker', 'database_url_result'],
};

/** The file of its users, of each store that has one. */
const USERS = { redis: 'redis_acl', limits: 'limits_acl' };

const redisPasswords = (folder) => ({
  vote: passwordOf(read(folder, 'redis_url_vote')),
  worker: passwordOf(read(folder, 'redis_url_worker')),
  exporter: Object.values(JSON.parse(read(folder, 'redis_exporter_passwords')))[0],
  operator: read(folder, 'redis_operator_password'),
});

const limitsPassword = (folder) => passwordOf(read(folder, 'limits_url'));

/** What follows from others. */
const DERIVED = {
  crowd_key: (folder) => read(folder, 'crowd_keys').split(',')[0],
  redis_acl: (folder) => redisAcl(redisPasswords(folder)),
  limits_acl: (folder) => limitsAcl(limitsPassword(folder)),
};

/** @returns undefined where there is no such file. */
function read(folder, name) {
  try {
    return readFileSync(join(folder, name), 'utf8').trimEnd();
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Readable by everybody, in a folder that only its owner may enter: a container's user, whatever its number, reads the
 * file that is mounted for it, and other users of this machine get at none of them.
 */
function write(folder, name, value, { replace }) {
  const path = join(folder, name);
  const draft = join(folder, `.${name}.${randomBytes(4).toString('hex')}`);
  writeFileSync(draft, `${value}\n`);
  try {
    chmodSync(draft, 0o444);
    if (replace) renameSync(draft, path);
    // Unlike a renaming, it replaces nothing that another process has made meanwhile.
    else linkSync(draft, path);
  } finally {
    if (!replace) unlinkSync(draft);
  }
}

/** Makes what is missing. @returns the names of what was made, and of what was there. @throws SecretsError */
export function completeSecrets(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if ((statSync(folder).mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
  const made = [];
  const kept = [];
  for (const [name, make] of Object.entries({ ...MADE, ...DERIVED })) {
    const present = read(folder, name);
    if (present === '') {
      const path = join(folder, name);
      throw new SecretsError(`${path} is empty: restore it, or delete it to have it made anew`);
    }
    if (present === undefined) write(folder, name, make(folder), { replace: false });
    (present === undefined ? made : kept).push(name);
  }
  refuseMisfits(folder);
  if (kept.includes('redis_acl') && !knows(read(folder, 'redis_acl'), 'exporter')) {
    write(folder, 'redis_acl', DERIVED.redis_acl(folder), { replace: true });
    made.push('redis_acl');
    kept.splice(kept.indexOf('redis_acl'), 1);
  }
  return { made, kept };
}

/** An earlier version made a file of users that lacks one. To add it keeps nobody out whom a Redis that runs lets in. */
const knows = (acl, user) => acl.includes(`user ${user} `);

/** What was lost and made anew no longer fits what was derived from the old one. */
function refuseMisfits(folder) {
  const acl = read(folder, 'redis_acl');
  const admits = ([user, password]) => !knows(acl, user) || acl.includes(hashOf(password));
  if (!Object.entries(redisPasswords(folder)).every(admits)) {
    throw new SecretsError(
      `${join(folder, 'redis_acl')} does not admit those whom ${STORES.redis.join(', ')} name. Restore the folder ` +
        'from its copy; or delete redis_acl, run this again, and make the containers of the row "redis" in docs/operations.md anew.',
    );
  }
  if (!read(folder, 'limits_acl').includes(hashOf(limitsPassword(folder)))) {
    throw new SecretsError(
      `${join(folder, 'limits_acl')} does not admit whom limits_url names: delete it, run this again, and make the ` +
        'containers limits and vote anew.',
    );
  }
  if (!read(folder, 'crowd_keys').split(',').includes(read(folder, 'crowd_key'))) {
    throw new SecretsError(
      `The key in ${join(folder, 'crowd_key')} is not among crowd_keys: delete it, and run this again`,
    );
  }
}

function requireAll(folder) {
  const missing = Object.keys({ ...MADE, ...DERIVED }).filter((name) => !read(folder, name));
  if (missing.length === 0) return;
  throw new SecretsError(`Missing in ${folder}: ${missing.join(', ')}. Run npm run secrets first.`);
}

function replace(folder, values, derived) {
  for (const [name, value] of Object.entries(values)) write(folder, name, value, { replace: true });
  for (const name of derived) write(folder, name, DERIVED[name](folder), { replace: true });
  return [...Object.keys(values), ...derived];
}

/**
 * Puts a new key in front of the others, or makes all passwords of a store anew.
 * @param name one of KEYS, or of the keys of STORES.
 * @returns the names of the files that changed. @throws SecretsError
 */
export function rotate(folder, name) {
  requireAll(folder);
  if (name in STORES) {
    const values = Object.fromEntries(STORES[name].map((file) => [file, MADE[file]()]));
    return replace(folder, values, name in USERS ? [USERS[name]] : []);
  }
  const keys = read(folder, name);
  const numbers = keys.split(',').map((key) => Number(/^k(\d+):/.exec(key)?.[1] ?? 0));
  const value = `k${Math.max(...numbers) + 1}:${random()},${keys}`;
  return replace(folder, { [name]: value }, name === 'crowd_keys' ? ['crowd_key'] : []);
}

/** Takes all keys but the first away. @param name one of KEYS. @returns as `rotate`. @throws SecretsError */
export function retire(folder, name) {
  requireAll(folder);
  const value = read(folder, name).split(',')[0];
  return replace(folder, { [name]: value }, name === 'crowd_keys' ? ['crowd_key'] : []);
}
