import type { CookieOptions } from 'express';

// As long as browsers allow.
const MAX_AGE_MS = 400 * 24 * 60 * 60 * 1_000;

export type CookieSettings = {
  /** The name as sent: over https with the prefix that ties a cookie to this very host. */
  name(base: string): string;
  options: CookieOptions;
};

/** @param secure whether voters reach the service through https. */
export function cookieSettings(secure: boolean): CookieSettings {
  return {
    name: (base) => (secure ? `__Host-${base}` : base),
    options: { httpOnly: true, sameSite: 'lax', path: '/', maxAge: MAX_AGE_MS, secure },
  };
}
