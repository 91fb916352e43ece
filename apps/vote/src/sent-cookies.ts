import { parseCookie } from 'cookie';
import type { Request } from 'express';

/**
 * The cookies that a request sends whose names start so, in its order. A name may come several times: a browser sends
 * also what was set for a parent domain, and nothing tells whose is whose. parseCookie alone would drop all but the
 * first.
 */
export function sentCookies(req: Request, start: string): { name: string; value: string }[] {
  return (req.headers.cookie ?? '')
    .split(';')
    .filter((pair) => pair.trimStart().startsWith(start))
    .flatMap((pair) => Object.entries(parseCookie(pair)))
    .map(([name, value = '']) => ({ name, value }));
}
