import { parseCookie } from 'cookie';
import type { Request, RequestHandler, Response } from 'express';
import { DEFAULT_LANGUAGE, isLanguage, LANGUAGES, type Language } from './language.ts';

/** Remembers, in the browser alone, the language that somebody chose. Both services read it where they share a host. */
const COOKIE = 'hbf_lang';
// As long as browsers allow.
const MAX_AGE_MS = 400 * 24 * 60 * 60 * 1_000;

/**
 * Finds the language of each page: the one that its address asks for (`?lang=fr`, which is then remembered), else the one
 * that was remembered, else the first of the browser's that we speak.
 * @param secure whether browsers reach the service through https.
 */
export function speak({ secure }: { secure: boolean }): RequestHandler {
  return (req, res, next) => {
    // Programs are answered in English, and given no cookie.
    if (req.path.startsWith('/api/')) return next();
    const asked = askedFor(req);
    // Answered here, not by a redirect to the address without it: `//host/?lang=fr` would lead to another site.
    if (asked) {
      res.cookie(COOKIE, asked, { sameSite: 'lax', path: '/', maxAge: MAX_AGE_MS, secure, httpOnly: true });
    }
    res.locals.language = asked ?? remembered(req) ?? preferred(req);
    next();
  };
}

/** The language that `speak` found for this answer. */
export function languageOf(res: Response): Language {
  return res.locals.language ?? DEFAULT_LANGUAGE;
}

function askedFor(req: Request): Language | undefined {
  const at = req.url.indexOf('?');
  if (at < 0 || (req.method !== 'GET' && req.method !== 'HEAD')) return undefined;
  const language = new URLSearchParams(req.url.slice(at)).get('lang');
  return isLanguage(language) ? language : undefined;
}

function remembered(req: Request): Language | undefined {
  const language = parseCookie(req.headers.cookie ?? '')[COOKIE];
  return isLanguage(language) ? language : undefined;
}

function preferred(req: Request): Language {
  const best = req.acceptsLanguages(Object.keys(LANGUAGES));
  return isLanguage(best || null) ? (best as Language) : DEFAULT_LANGUAGE;
}
