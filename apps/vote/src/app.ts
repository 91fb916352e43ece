import { serveAssets } from '@hbf/page-kit/assets';
import { speak } from '@hbf/page-kit/speak';
import type { Logger } from '@hbf/service-kit/logger';
import { observeRequests } from '@hbf/service-kit/observe-requests';
import { ownOrigin, siblingOrigin } from '@hbf/service-kit/request-origin';
import { securityHeaders } from '@hbf/service-kit/security-headers';
import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import { createAnswers } from './answers.ts';
import { createBallotCookie } from './ballot-cookie.ts';
import { type Ballots, createCasting, UNCONFIRMED_WITHOUT_KEY } from './casting.ts';
import type { AppConfig } from './config.ts';
import { cookieSettings } from './cookie-settings.ts';
import { delayRequests } from './fault-delay.ts';
import type { Limits } from './limits/limits.ts';
import type { VoteMetrics } from './metrics.ts';
import { createPages, PUBLIC_DIRECTORY } from './pages.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import { addApiRoutes } from './routes/api.ts';
import { addPageRoutes } from './routes/page.ts';
import { addProblemRoutes } from './routes/problems.ts';
import { createVoterCookie } from './voter-cookie.ts';
import { type Said, sayIn } from './words/words.ts';

export type Dependencies = {
  config: AppConfig;
  ballots: Ballots;
  limits: Limits;
  log: Logger;
  metrics: VoteMetrics;
};

/** Assembles the vote service: pages, API, problems. It does not listen. */
export function createApp(deps: Dependencies): Express {
  const { config, ballots, limits, log, metrics } = deps;
  const secure = config.publicVoteUrl?.startsWith('https:') ?? false;
  const cookies = cookieSettings(secure);
  const pages = createPages();
  const answers = createAnswers(pages, metrics);
  const shared = {
    publicVoteUrl: config.publicVoteUrl,
    ballots,
    limits,
    pages,
    answers,
    casting: createCasting({ ballots, receiptKeys: config.receiptKeys, metrics }),
    voterCookie: createVoterCookie(config.voterKeys, cookies),
    ballotCookie: createBallotCookie(config, cookies),
  };

  const app = express();
  // Express's own last resort would otherwise show a stack to the client.
  app.set('env', 'production');
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.set('query parser', false);
  app.set('trust proxy', config.trustProxy);

  app.use(observeRequests(log, metrics.duration));
  if (config.faultDelayMs !== undefined) app.use(delayRequests(config.faultDelayMs));
  app.use((req, res, next) => {
    res.locals.ownOrigin = ownOrigin(req, config.publicVoteUrl);
    res.locals.resultOrigin = siblingOrigin(req, config.publicResultUrl, config.resultPort);
    res.setHeader('Cache-Control', 'no-store');
    next();
  });
  app.use(
    securityHeaders({
      publicUrl: config.publicVoteUrl,
      // The page asks the result service what has become of a receipt.
      connect: (res) => res.locals.resultOrigin,
      forms: true,
    }),
  );

  app.get('/assets/*file', serveAssets(PUBLIC_DIRECTORY));
  app.use(speak({ secure }));
  addPageRoutes(app, shared);
  addApiRoutes(app, shared);
  addProblemRoutes(app, shared);

  app.use((req, res) => {
    answers.refuse(req, res, { problem: 'not-found', detail: ({ refusals }) => refusals.nothingHere });
  });
  const onError: ErrorRequestHandler = (error, req, res, next) => {
    if (res.headersSent) return next(error);
    const problem = refusalOf(error);
    if (problem === 'internal')
      log.error({ err: error, requestId: res.locals.requestId }, 'a request failed');
    answers.refuse(req, res, { problem, detail: describe(problem, res) }, { retry: res.locals.retry });
  };
  app.use(onError);
  return app;
}

function describe(problem: Refusal['problem'], { locals }: Response): Said {
  return (words) => {
    const { refusals } = words;
    switch (problem) {
      case 'too-large':
        return refusals.tooLarge;
      case 'unsupported-media-type':
        return refusals.wrongType;
      case 'not-found':
        return refusals.nothingHere;
      case 'malformed':
        return refusals.unreadable;
      default:
        return `${sayIn(becameOf(locals), words)} ${refusals.internal(locals.requestId)}`.trim();
    }
  };
}

/**
 * What may have become of the ballot, if any, of a request that failed where nobody foresaw it: nothing tells whether
 * that was before or after the append.
 */
function becameOf({ isBallot, repeatable }: Response['locals']): Said {
  if (!isBallot) return '';
  if (repeatable === false) return UNCONFIRMED_WITHOUT_KEY;
  return ({ refusals }) => refusals.mayCount;
}
