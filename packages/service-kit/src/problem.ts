import type { Response } from 'express';

/** A failure as RFC 9457 has it. */
export type ProblemDetails = {
  type: string;
  title: string;
  status: number;
  detail?: string;
  retryAfter?: number;
};

/** Answers a request with a problem; `retryAfter` (seconds) also becomes the header Retry-After. */
export function sendProblem(res: Response, problem: ProblemDetails): void {
  res.status(problem.status);
  if (problem.retryAfter !== undefined) res.setHeader('Retry-After', String(problem.retryAfter));
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  res.end(JSON.stringify(problem));
}
