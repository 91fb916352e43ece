import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Pages run nothing but our own files, talk to nobody else and stand in nobody's frame. */
export function securityHeaders(publicUrl: string | undefined): RequestHandler {
  const secure = publicUrl?.startsWith('https:') ?? false;
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        // Covers WebSocket to the same origin too.
        'connect-src': ["'self'"],
        'frame-ancestors': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
      },
    },
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    // Not for the subdomains: they may be somebody else's.
    strictTransportSecurity: secure && { includeSubDomains: false },
    // Browsers ignore these two on plain http, and complain in the console each time.
    crossOriginOpenerPolicy: secure,
    originAgentCluster: secure,
  });
}
