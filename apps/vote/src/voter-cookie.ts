import { randomBytes } from 'node:crypto';
import { createKeyring, type Key } from '@hbf/service-kit/keyring';
import type { Request, Response } from 'express';
import type { CookieSettings } from './cookie-settings.ts';
import { sentCookies } from './sent-cookies.ts';

const RANDOM_BYTES = 16;

/** The cookie that stands for a voter: `<128 random bits>.<kid>.<mac>`. */
export type VoterCookie = {
  /** @returns the cookie's random bits, or undefined if there is none or it was not signed by one of our keys. */
  read(req: Request): Buffer | undefined;
  /**
   * Gives the browser a cookie if it has none that we signed; signs it anew, bits unchanged, if its key is on its way out.
   * For answers to GET alone: a POST that gave a cookie would let one client be any number of voters.
   * @returns the random bits that the browser has from now on.
   */
  give(req: Request, res: Response): Buffer;
};

export function createVoterCookie(voterKeys: readonly Key[], settings: CookieSettings): VoterCookie {
  const keyring = createKeyring(voterKeys, 'voter');
  const name = settings.name('hbf_voter');

  const parse = (req: Request): { bits: string; signature: string } | undefined => {
    for (const cookie of sentCookies(req, name)) {
      const [bits = '', ...rest] = cookie.value.split('.');
      const signature = rest.join('.');
      if (cookie.name !== name || !/^[A-Za-z0-9_-]{22}$/.test(bits)) continue;
      if (keyring.verify(bits, signature)) return { bits, signature };
    }
    return undefined;
  };

  return {
    read(req) {
      const found = parse(req);
      return found && Buffer.from(found.bits, 'base64url');
    },
    give(req, res) {
      const found = parse(req);
      const bits = found?.bits ?? randomBytes(RANDOM_BYTES).toString('base64url');
      const signature = keyring.sign(bits);
      if (signature !== found?.signature) res.cookie(name, `${bits}.${signature}`, settings.options);
      return Buffer.from(bits, 'base64url');
    },
  };
}
