import type { RequestHandler } from 'express';

/**
 * HBF_FAULT_DELAY_MS: holds every request up for so long (ms), so that alerts and dashboards can be tried on a vote
 * that is slow. Never in production.
 */
export function delayRequests(ms: number): RequestHandler {
  return (_req, _res, next) => {
    setTimeout(next, ms);
  };
}
