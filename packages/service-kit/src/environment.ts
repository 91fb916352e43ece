import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';

/** The configuration is wrong: the message names every variable at fault. `main.ts` prints it and exits 1. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

/**
 * Reads and checks the environment of a service, all at once.
 * A variable `X` may instead be given as `X_FILE`, the path of a file that holds it (secrets); white space at
 * the file's end is dropped. An empty variable counts as unset.
 *
 * @throws ConfigurationError that names every variable that is missing or malformed.
 */
export function readEnvironment<Shape extends z.ZodRawShape>(
  shape: Shape,
  env: Record<string, string | undefined>,
): z.infer<z.ZodObject<Shape>> {
  const values: Record<string, string> = {};
  const faults: string[] = [];
  /** Those that are named already: once is enough. */
  const atFault = new Set<string>();
  for (const name of Object.keys(shape)) {
    const direct = env[name];
    const file = env[`${name}_FILE`];
    const fail = (fault: string) => {
      faults.push(fault);
      atFault.add(name);
    };
    if (direct && file) fail(`${name}: set either ${name} or ${name}_FILE, not both`);
    else if (direct) values[name] = direct;
    else if (file) {
      try {
        const content = readFileSync(file, 'utf8').trimEnd();
        if (content) values[name] = content;
        else fail(`${name}_FILE: the file ${file} is empty`);
      } catch (error) {
        fail(`${name}_FILE: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
      }
    }
  }
  const parsed = z.object(shape).safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0]);
      if (atFault.has(name)) continue;
      atFault.add(name);
      faults.push(`${name}: ${name in values ? issue.message : 'is required and not set'}`);
    }
  }
  if (faults.length > 0 || !parsed.success) {
    throw new ConfigurationError(`The environment is not right:\n  ${faults.join('\n  ')}`);
  }
  return parsed.data;
}

/** A TCP port; 0 lets the system choose (tests). */
export const port = (fallback: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .refine((value) => value <= 65_535, 'must be at most 65535')
    .default(fallback);

/** A whole number between two bounds, both allowed. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

/** A URL with one of the given protocols (`['redis:', 'rediss:']`). The value is never shown: it may hold a password. */
export const urlOf = (...protocols: string[]) =>
  z.string().refine(
    (value) => {
      const url = parseUrl(value);
      return url !== undefined && protocols.includes(url.protocol);
    },
    `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
  );

function parseUrl(value: string): URL | undefined {
  try {
    return new URL(value);
  } catch {
    return undefined;
  }
}

/** A public origin, as `https://vote.example.org`: no path, no trailing slash. */
export const origin = urlOf('http:', 'https:')
  .refine(
    (value) => parseUrl(value)?.origin === value.replace(/\/$/, ''),
    'must be an origin without a path, as https://vote.example.org',
  )
  .transform((value) => value.replace(/\/$/, ''));

export const logLevel = z
  .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'must be a level of pino, as info')
  .default('info');

/**
 * Which proxies in front may say who the client is: unset for none, a number of hops, or a comma-separated list
 * of addresses and networks (`loopback`, `10.0.0.0/8`). "Trust everybody" is not offered: any client could then
 * claim any address.
 */
export const trustProxy = z
  .string()
  .transform((value): number | string[] =>
    /^(\d|10)$/.test(value) ? Number(value) : value.split(',').map((part) => part.trim()),
  )
  .refine(
    (value) => typeof value === 'number' || value.every(isNetwork),
    'must be a number of hops (0 to 10) or a list of addresses and networks, as "loopback, 10.0.0.0/8"',
  )
  .default(0);

function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address, prefix, ...rest] = text.split('/');
  const family = isIP(address!);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}

/** `production` switches on refusals, development keys and failpoints among them: a slip in the word must not switch them off. */
export const nodeEnv = z
  .enum(['production', 'development', 'test'], 'must be production, development or test')
  .default('development');
