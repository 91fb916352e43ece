import { PROBLEMS, problemType } from '@hbf/contracts/problems';
import { sendProblem } from '@hbf/service-kit/problem';
import type { Request, RequestHandler, Response } from 'express';
import type { VoteMetrics } from './metrics.ts';
import type { ErrorPage, Pages } from './pages.ts';
import { type Refusal, retryAfter } from './refusal.ts';

/** How this service says no: as a problem below /api, in words everywhere else. */
export type Answers = {
  /** Marks a request as one that casts a ballot: its refusal is counted. */
  isBallot: RequestHandler;
  refuse(req: Request, res: Response, refusal: Refusal, page?: Pick<ErrorPage, 'link' | 'retry'>): void;
  /** Refuses with a page of the caller's own. */
  refuseWithPage(res: Response, refusal: Refusal, html: string): void;
};

export function createAnswers(pages: Pages, metrics: VoteMetrics): Answers {
  const count = (res: Response, { problem }: Refusal) => {
    if (res.locals.isBallot) metrics.refused.inc({ reason: problem });
  };
  const sendPage = (res: Response, refusal: Refusal, html: string) => {
    const seconds = retryAfter(refusal);
    if (seconds !== undefined) res.setHeader('Retry-After', String(seconds));
    res.status(PROBLEMS[refusal.problem].status).type('html').send(html);
  };
  return {
    isBallot(_req, res, next) {
      res.locals.isBallot = true;
      next();
    },
    refuse(req, res, refusal, page = {}) {
      count(res, refusal);
      const { problem, detail } = refusal;
      const { title, status } = PROBLEMS[problem];
      if (req.path.startsWith('/api/')) {
        const seconds = retryAfter(refusal);
        sendProblem(res, {
          type: problemType(problem),
          title,
          status,
          detail,
          ...(seconds === undefined ? {} : { retryAfter: seconds }),
        });
      } else {
        sendPage(res, refusal, pages.error({ title, detail, ...page }));
      }
    },
    refuseWithPage(res, refusal, html) {
      count(res, refusal);
      sendPage(res, refusal, html);
    },
  };
}
