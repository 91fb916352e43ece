import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Histogram } from 'prom-client';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']);

/**
 * Measures and logs every request, and gives it an id (answered as X-Request-Id). Logs the route's template, never
 * the URL: a URL may hold a receipt, which stands for a voter. The id is always our own: an id taken from outside
 * would let a client write into the log.
 *
 * pino-http is not used: its lines hold URL, headers and the remote address unless each is taken out again.
 */
export function observeRequests(
  log: Logger,
  duration: Histogram<'method' | 'route' | 'status_code'>,
): RequestHandler {
  return (req, res, next) => {
    const started = process.hrtime.bigint();
    const requestId = randomUUID();
    res.locals.requestId = requestId;
    res.setHeader('X-Request-Id', requestId);
    res.once('close', () => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      // A method is free text of the client's: bound the label's values.
      const method = METHODS.has(req.method) ? req.method : 'other';
      const route = req.route ? `${req.baseUrl}${req.route.path}` : 'unmatched';
      const aborted = !res.writableFinished;
      const status = aborted && !res.headersSent ? 499 : res.statusCode;
      duration.observe({ method, route, status_code: String(status) }, seconds);
      const level = status >= 500 ? 'warn' : 'info';
      log[level](
        { requestId, method, route, status, ms: Math.round(seconds * 1e4) / 10, ...(aborted && { aborted }) },
        `${method} ${route}: ${status}`,
      );
    });
    next();
  };
}
