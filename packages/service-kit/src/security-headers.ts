import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

/**
 * Headers that bound what a page of ours may do in a browser: it runs nothing but our own files, talks to nobody else
 * and stands in nobody's frame.
 * @param options.publicUrl the service's public origin, if configured. Only where that is https do browsers get orders
 *   to use https: over plain http they would follow them into nowhere.
 * @param options.connect a further origin that the page may ask, for each response.
 * @param options.forms whether the page has forms, which then go to this service alone.
 */
export function securityHeaders(options: {
  publicUrl: string | undefined;
  connect?: (res: Response) => string | undefined;
  forms: boolean;
}): RequestHandler {
  const { connect } = options;
  const secure = options.publicUrl?.startsWith('https:') ?? false;
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        // Covers WebSocket to the same origin too.
        connectSrc: [
          "'self'",
          ...(connect ? [(_req: unknown, res: unknown) => connect(res as Response) ?? "'self'"] : []),
        ],
        formAction: [options.forms ? "'self'" : "'none'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    // Not "no-referrer": browsers would then send `Origin: null` with the page's own form, and over plain http, where
    // they send no Sec-Fetch-Site either, every ballot would look like another site's.
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    // Not for the subdomains: they may be somebody else's.
    strictTransportSecurity: secure && { maxAge: 31_536_000, includeSubDomains: false },
    // Browsers ignore these two on plain http, and complain in the console each time.
    crossOriginOpenerPolicy: secure,
    originAgentCluster: secure,
  });
}
