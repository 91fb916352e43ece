import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

/**
 * Headers that bound what a page of ours may do in a browser.
 * @param secure whether voters reach the service through https. Over plain http, browsers would follow an order to use
 *   https into nowhere, and complain about the others.
 */
export function securityHeaders(secure: boolean): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        // The page asks the result service what has become of a receipt.
        connectSrc: ["'self'", (_req, res) => (res as Response).locals.resultOrigin ?? "'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    // Not "no-referrer": browsers would then send `Origin: null` with the page's own form, and over plain http, where
    // they send no Sec-Fetch-Site either, every ballot would look like another site's.
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: secure && { maxAge: 31_536_000, includeSubDomains: false },
    crossOriginOpenerPolicy: secure,
    originAgentCluster: secure,
  });
}
