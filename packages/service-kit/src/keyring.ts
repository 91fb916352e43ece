import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** Keys for HMAC-SHA256: the first signs, all verify, so a key rotates by being put in front. */
export type Keyring = {
  /** @returns `<kid>.<mac>`, the mac in base64url. */
  sign(message: string): string;
  /** @returns whether `<kid>.<mac>` was made by one of the keys for this message. Takes the same time for any forgery. */
  verify(message: string, signature: string): boolean;
};

export type Key = { kid: string; secret: Buffer };

// 128 bits: short enough for a URL, and a forger would need 2^127 tries against a server that answers each.
const MAC_BYTES = 16;

const KEY = /^([a-z0-9][a-z0-9-]{0,15}):([0-9a-f]{64})$/i;

/** `kid:64 hex digits`, several separated by commas. */
export const keys = z.string().transform((value, context): Key[] => {
  const found: Key[] = [];
  for (const part of value.split(',')) {
    const match = KEY.exec(part.trim());
    if (!match) {
      context.addIssue({
        code: 'custom',
        message:
          'must be kid:64 hex digits, several separated by commas (openssl rand -hex 32 makes the digits)',
      });
      return z.NEVER;
    }
    if (found.some((key) => key.kid === match[1])) {
      context.addIssue({ code: 'custom', message: `uses the key id "${match[1]}" twice` });
      return z.NEVER;
    }
    found.push({ kid: match[1]!, secret: Buffer.from(match[2]!, 'hex') });
  }
  return found;
});

/** Whether a key is one for development: its id starts with `dev`, or its bytes are plainly not random. */
export function isDevelopmentKey(key: Key): boolean {
  return key.kid.toLowerCase().startsWith('dev') || new Set(key.secret).size < 8;
}

/** Names that no public name server knows, or that are none. */
const LOCAL_NAME = /^([^.]+|.*\.(localhost|local|internal|test|home\.arpa)|\[.*\]|[\d.]+)$/;

/** Whether a URL is one of the internet: https, under a name that certificates are given for. */
function isPublic(url: string | undefined): boolean {
  if (!url?.startsWith('https:') || !URL.canParse(url)) return false;
  return !LOCAL_NAME.test(new URL(url).hostname);
}

/**
 * As `keys`, but in production no development key will do, nor where the services are to be reached from the internet: with
 * these, anybody could be as many voters as they like.
 * @param env whose NODE_ENV, PUBLIC_VOTE_URL and PUBLIC_RESULT_URL decide.
 */
export const keysFor = (env: Record<string, string | undefined>) => {
  const developmentKey = (list: Key[]) => list.some(isDevelopmentKey);
  return keys
    .refine(
      (list) => env.NODE_ENV !== 'production' || !developmentKey(list),
      'holds a development key, which NODE_ENV=production refuses (openssl rand -hex 32 makes a real one)',
    )
    .refine(
      (list) => !(isPublic(env.PUBLIC_VOTE_URL) || isPublic(env.PUBLIC_RESULT_URL)) || !developmentKey(list),
      'holds a development key, which everybody knows, and PUBLIC_VOTE_URL or PUBLIC_RESULT_URL is an address of the internet (openssl rand -hex 32 makes a real one)',
    );
};

/** A key as it is configured: `kid:64 hex digits`. */
export function writeKey({ kid, secret }: Key): string {
  return `${kid}:${secret.toString('hex')}`;
}

/** Whether a text is one of the keys, as `kid:64 hex digits`. Takes the same time for any wrong one of a right kid. */
export function isKeyOf(list: readonly Key[], text: string): boolean {
  const match = KEY.exec(text);
  const key = list.find(({ kid }) => kid === match?.[1]);
  return key !== undefined && timingSafeEqual(key.secret, Buffer.from(match![2]!, 'hex'));
}

/**
 * @param purpose parts the uses of one set of keys: a signature for one purpose is no good for another.
 * keygrip does the same job, but tries every key in turn and puts no key id into what it signs, so a host could not
 * see which key is still in use.
 */
export function createKeyring(keyList: readonly Key[], purpose: string): Keyring {
  const [first] = keyList;
  if (!first) throw new Error('A keyring needs at least one key');
  const mac = (key: Key, message: string) =>
    createHmac('sha256', key.secret)
      .update(`${purpose}\0${key.kid}\0${message}`)
      .digest()
      .subarray(0, MAC_BYTES);
  return {
    sign: (message) => `${first.kid}.${mac(first, message).toString('base64url')}`,
    verify(message, signature) {
      const dot = signature.indexOf('.');
      if (dot < 1) return false;
      const key = keyList.find((candidate) => candidate.kid === signature.slice(0, dot));
      const given = Buffer.from(signature.slice(dot + 1), 'base64url');
      // base64url decoding is lenient; encoding again makes sure that one ballot has one receipt, to the letter.
      if (!key || given.length !== MAC_BYTES || given.toString('base64url') !== signature.slice(dot + 1)) {
        return false;
      }
      return timingSafeEqual(given, mac(key, message));
    },
  };
}
