import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/**
 * Reads the secrets in the file `path`, and makes those that it lacks: 32 random bytes each, in hexadecimal,
 * with the key id in front that services expect. The file is this user's alone (mode 600).
 */
export function generatedSecrets<Name extends string>(
  path: string,
  names: readonly Name[],
): Record<Name, string> {
  let secrets: Record<string, string> = {};
  try {
    secrets = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  } catch (error) {
    // A file that is damaged is no reason to make new keys: every receipt given out would be forged then.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new Error(`The keys in ${path} cannot be read: ${(error as Error).message}`);
    }
  }
  const missing = names.filter((name) => secrets[name] === undefined);
  if (missing.length > 0) {
    for (const name of missing) secrets[name] = `k1:${randomBytes(32).toString('hex')}`;
    writeFileSync(`${path}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  return secrets as Record<Name, string>;
}
