import { fileURLToPath } from 'node:url';
import { PROBLEMS, type Problem, type ProblemName } from '@hbf/contracts/problems';
import type { Tally } from '@hbf/contracts/tally';
import type { Logger } from '@hbf/service-kit/logger';
import { observeRequests } from '@hbf/service-kit/observe-requests';
import { sendProblem } from '@hbf/service-kit/problem';
import { siblingOrigin } from '@hbf/service-kit/request-origin';
import { securityHeaders } from '@hbf/service-kit/security-headers';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import type { Config } from './config.ts';
import type { ResultMetrics } from './metrics.ts';
import { renderMessage, renderPoll, renderReceipt } from './pages.ts';
import { NO_SUCH_POLL, NO_TALLY_YET, problem, unavailable } from './problem.ts';
import { ONLY_FROM_VOTE, PROBLEM_ADVICE } from './problem-advice.ts';
import type { ReceiptDesk } from './receipt-desk.ts';
import { wordsOfReceipt } from './receipt-words.ts';
import type { TallyFeed } from './tally-feed.ts';
import type { TurnoutHistory } from './turnout-history.ts';
import { addTurnoutRoute } from './turnout-route.ts';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

const UNKNOWN_POLL = problem('unknown-poll', NO_SUCH_POLL);
const UNKNOWN_RECEIPT = problem('unknown-receipt', 'Check that you copied the whole receipt.');

/** Assembles everything that this service answers over HTTP, sockets apart. It never listens. */
export function createApp(deps: {
  feed: TallyFeed;
  turnout: TurnoutHistory;
  receipts: ReceiptDesk;
  log: Logger;
  metrics: Pick<ResultMetrics, 'duration'>;
  config: Pick<Config, 'TRUST_PROXY' | 'PUBLIC_VOTE_URL' | 'PUBLIC_RESULT_URL' | 'VOTE_PORT'>;
}): Express {
  const { feed, receipts, config } = deps;
  const app = express();
  app.disable('x-powered-by');
  // Nearly every answer changes with each ballot: an ETag would cost time and never match.
  app.set('etag', false);
  app.set('trust proxy', config.TRUST_PROXY);
  app.use(observeRequests(deps.log, deps.metrics.duration));
  app.use(securityHeaders({ publicUrl: config.PUBLIC_RESULT_URL, forms: false }));

  app.get('/', (req, res) => {
    const first = feed.polls()?.[0];
    if (!first) return sayNothingYet(res);
    sendPoll(req, res, feed.tally(first.key)!);
  });

  app.get('/p/:poll', (req, res) => {
    if (!feed.polls()) return sayNothingYet(res);
    const tally = feed.tally(req.params.poll);
    if (!tally)
      return sendMessage(res, problem('unknown-poll', 'Check the address, or see the polls that there are.'));
    sendPoll(req, res, tally);
  });

  app.get('/api/polls/:poll/tally', (req, res) => {
    if (!feed.polls()) return sendProblem(res, unavailable(NO_TALLY_YET));
    const tally = feed.tally(req.params.poll);
    if (!tally) return sendProblem(res, UNKNOWN_POLL);
    res.setHeader('Cache-Control', 'no-store');
    res.json(tally);
  });

  addTurnoutRoute(app, deps);

  // Before the route: its failures, too, can be read from any origin.
  app.use('/api/receipts', (_req, res, next) => {
    res.setHeader('Access-Control-Allow-Origin', '*');
    next();
  });

  app.get('/api/receipts/:receipt', async (req, res) => {
    const answer = await receipts.lookUp(req.params.receipt);
    if (answer.kind === 'unknown') return sendProblem(res, UNKNOWN_RECEIPT);
    if (answer.kind === 'unavailable') {
      return sendProblem(
        res,
        unavailable('The receipt is ours, but its ballot cannot be looked up right now.'),
      );
    }
    res.setHeader('Cache-Control', 'no-store');
    res.json(answer.status);
  });

  app.get('/receipts/:receipt', async (req, res) => {
    // The address stands for a voter: it goes nowhere, not even to the next page of this service.
    res.setHeader('Referrer-Policy', 'no-referrer');
    const answer = await receipts.lookUp(req.params.receipt);
    if (answer.kind === 'unknown') return sendMessage(res, UNKNOWN_RECEIPT);
    if (answer.kind === 'unavailable') {
      return sendMessage(
        res,
        unavailable('We cannot look your ballot up right now. This page tries again by itself.'),
      );
    }
    const poll = feed.polls()?.find(({ key }) => key === answer.poll);
    sendPage(res, 200, renderReceipt({ words: wordsOfReceipt(answer.status), poll }));
  });

  app.get('/problems/:name', (req, res) => {
    const { name } = req.params;
    if (!Object.hasOwn(PROBLEMS, name)) return sendNothingHere(req, res);
    const { status, title } = PROBLEMS[name as ProblemName];
    const advice = PROBLEM_ADVICE[name as ProblemName] ?? ONLY_FROM_VOTE;
    const text = `${advice} (Answered with the status ${status}; its type is ${name}.)`;
    sendPage(res, 200, renderMessage({ title, text }));
  });

  app.get(
    '/assets/:file',
    express.static(DIST, {
      index: false,
      redirect: false,
      cacheControl: false,
      // Their names stay when they change. Without a word, browsers would guess for how long they may be kept.
      setHeaders: (res) => res.setHeader('Cache-Control', 'no-cache'),
    }),
  );

  app.use(sendNothingHere);

  const onError: ErrorRequestHandler = (error, req, res, next) => {
    if (res.headersSent) return next(error);
    if (error instanceof URIError) return sendUndecodable(req, res);
    deps.log.error({ err: error, requestId: res.locals.requestId }, 'a request failed');
    const failure = problem('internal', 'The failure was logged. Try again.');
    if (isApi(req)) sendProblem(res, failure);
    else sendMessage(res, failure);
  };
  app.use(onError);
  return app;

  function sendPoll(req: Request, res: Response, tally: Tally): void {
    const others = feed
      .polls()!
      .filter(({ key }) => key !== tally.poll)
      .map((poll) => ({ ...poll, phase: feed.tally(poll.key)!.phase }));
    const vote = siblingOrigin(
      { protocol: req.protocol, host: req.host },
      config.PUBLIC_VOTE_URL,
      config.VOTE_PORT,
    );
    sendPage(res, 200, renderPoll({ tally, others, voteUrl: vote }));
  }
}

function sayNothingYet(res: Response): void {
  sendMessage(res, unavailable('There is no tally to show yet. This page tries again by itself.'));
}

function sendNothingHere(req: Request, res: Response): void {
  if (isApi(req)) sendProblem(res, problem('not-found', 'This method and path are not part of the API.'));
  else sendMessage(res, problem('not-found', 'Check the address.'));
}

/** A path that is no text in UTF-8 names nothing that exists. */
function sendUndecodable(req: Request, res: Response): void {
  if (req.path.startsWith('/api/polls/')) sendProblem(res, UNKNOWN_POLL);
  else if (req.path.startsWith('/api/receipts/')) sendProblem(res, UNKNOWN_RECEIPT);
  else sendNothingHere(req, res);
}

function isApi(req: Request): boolean {
  return req.path === '/api' || req.path.startsWith('/api/');
}

/** A problem as a page, in words. */
function sendMessage(res: Response, { status, title, detail = '', retryAfter }: Problem): void {
  if (retryAfter !== undefined) res.setHeader('Retry-After', String(retryAfter));
  sendPage(res, status, renderMessage({ title, text: detail, retryAfter }));
}

function sendPage(res: Response, status: number, html: string): void {
  res.setHeader('Cache-Control', 'private, no-cache');
  res.status(status).type('html').send(html);
}
