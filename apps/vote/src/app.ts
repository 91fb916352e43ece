import type { Logger } from '@hbf/service-kit/logger';
import { observeRequests } from '@hbf/service-kit/observe-requests';
import { siblingOrigin } from '@hbf/service-kit/request-origin';
import { securityHeaders } from '@hbf/service-kit/security-headers';
import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import { createAnswers } from './answers.ts';
import { publicDirectory } from './assets.ts';
import { createBallotCookie } from './ballot-cookie.ts';
import { type Ballots, createCasting, UNCONFIRMED_WITHOUT_KEY } from './casting.ts';
import type { AppConfig } from './config.ts';
import { cookieSettings } from './cookie-settings.ts';
import { delayRequests } from './fault-delay.ts';
import type { Limits } from './limits/limits.ts';
import type { VoteMetrics } from './metrics.ts';
import { createPages } from './pages.ts';
import { refusalOf } from './refusal.ts';
import { addApiRoutes } from './routes/api.ts';
import { addPageRoutes } from './routes/page.ts';
import { addProblemRoutes } from './routes/problems.ts';
import { createVoterCookie } from './voter-cookie.ts';

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

  app.get(
    '/assets/*file',
    express.static(publicDirectory, {
      index: false,
      redirect: false,
      cacheControl: false,
      setHeaders: (res) => res.setHeader('Cache-Control', 'public, max-age=31536000, immutable'),
    }),
  );
  addPageRoutes(app, shared);
  addApiRoutes(app, shared);
  addProblemRoutes(app, shared);

  app.use((req, res) => {
    answers.refuse(req, res, { problem: 'not-found', detail: 'There is nothing at this address.' });
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

function describe(problem: ReturnType<typeof refusalOf>, { locals }: Response): string {
  switch (problem) {
    case 'too-large':
      return 'The request is larger than 4096 bytes, more than any ballot needs.';
    case 'unsupported-media-type':
      return 'The content type must be the one of this address, in UTF-8 and not compressed.';
    case 'not-found':
      return 'There is nothing at this address.';
    case 'malformed':
      return 'The request cannot be read. Check how it is written.';
    default:
      return `${becameOf(locals)}If it goes on, tell the host this number: ${locals.requestId}`;
  }
}

/**
 * What may have become of the ballot, if any, of a request that failed where nobody foresaw it: nothing tells whether
 * that was before or after the append.
 */
function becameOf({ isBallot, repeatable }: Response['locals']): string {
  if (!isBallot) return '';
  if (repeatable === false) return `${UNCONFIRMED_WITHOUT_KEY} `;
  return 'We could not confirm your ballot: it may count. Try again; it cannot count twice. ';
}
