import { PROBLEMS, problemType } from '@hbf/contracts/problems';
import { sendProblem } from '@hbf/service-kit/problem';
import type { Request, RequestHandler, Response } from 'express';
import type { VoteMetrics } from './metrics.ts';
import { type ErrorPage, frameOf, type Pages } from './pages.ts';
import { type Refusal, retryAfter } from './refusal.ts';
import { en } from './words/en.ts';
import { sayIn } from './words/words.ts';

/** How this service says no: as a problem, in English, below /api; in words of the voter's language everywhere else. */
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
      const seconds = retryAfter(refusal);
      if (req.path.startsWith('/api/')) {
        const { title, status } = PROBLEMS[problem];
        sendProblem(res, {
          type: problemType(problem),
          title,
          status,
          detail: sayIn(detail, en),
          ...(seconds === undefined ? {} : { retryAfter: seconds }),
        });
      } else {
        // A page that was only asked for comes again by itself; a ballot is sent again by its voter alone.
        const again = req.method === 'GET' ? seconds : undefined;
        sendPage(res, refusal, pages.error(frameOf(res), { problem, detail, retryAfter: again, ...page }));
      }
    },
    refuseWithPage(res, refusal, html) {
      count(res, refusal);
      sendPage(res, refusal, html);
    },
  };
}
