import type { Phase } from '@hbf/contracts/poll';
import { PROBLEMS, type ProblemName } from '@hbf/contracts/problems';
import type { Tally } from '@hbf/contracts/tally';
import { serveAssets } from '@hbf/page-kit/assets';
import { languageOf, speak } from '@hbf/page-kit/speak';
import type { Frame } from '@hbf/page-kit/templates';
import type { Logger } from '@hbf/service-kit/logger';
import { observeRequests } from '@hbf/service-kit/observe-requests';
import { sendProblem } from '@hbf/service-kit/problem';
import { ownOrigin } from '@hbf/service-kit/request-origin';
import { securityHeaders } from '@hbf/service-kit/security-headers';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import type { Config } from './config.ts';
import type { ResultMetrics } from './metrics.ts';
import { createPages, type Message, PUBLIC_DIRECTORY } from './pages.ts';
import { NO_SUCH_POLL, NO_TALLY_YET, problem, unavailable } from './problem.ts';
import { ONLY_FROM_VOTE, PROBLEM_ADVICE } from './problem-advice.ts';
import type { ReceiptDesk } from './receipt-desk.ts';
import type { TallyFeed } from './tally-feed.ts';
import type { TurnoutHistory } from './turnout-history.ts';
import { addTurnoutRoute } from './turnout-route.ts';
import { votingAddress } from './voting-address.ts';

const UNKNOWN_POLL = problem('unknown-poll', NO_SUCH_POLL);
const UNKNOWN_RECEIPT = problem('unknown-receipt', 'Check that you copied the whole receipt.');

/** Assembles everything that this service answers over HTTP, sockets apart. It never listens. */
export function createApp(deps: {
  feed: TallyFeed;
  turnout: TurnoutHistory;
  receipts: ReceiptDesk;
  log: Logger;
  metrics: Pick<ResultMetrics, 'duration'>;
  config: Pick<
    Config,
    'TRUST_PROXY' | 'PUBLIC_VOTE_URL' | 'PUBLIC_RESULT_URL' | 'VOTE_PORT' | 'NETWORK_ADDRESS'
  >;
}): Express {
  const { feed, receipts, config } = deps;
  const app = express();
  const pages = createPages();
  app.disable('x-powered-by');
  // Nearly every answer changes with each ballot: an ETag would cost time and never match.
  app.set('etag', false);
  app.set('trust proxy', config.TRUST_PROXY);
  app.use(observeRequests(deps.log, deps.metrics.duration));
  app.use(securityHeaders({ publicUrl: config.PUBLIC_RESULT_URL, forms: false }));

  app.get('/assets/:file', serveAssets(PUBLIC_DIRECTORY));
  app.use(speak({ secure: config.PUBLIC_RESULT_URL?.startsWith('https:') ?? false }));

  app.get('/', (req, res) => {
    const first = feed.polls()?.[0];
    if (!first) return sayNothingYet(req, res);
    sendPoll(req, res, feed.tally(first.key)!);
  });

  for (const [path, view] of [
    ['/p/:poll', undefined],
    ['/p/:poll/projector', 'projector'],
  ] as const) {
    app.get(path, (req, res) => {
      if (!feed.polls()) return sayNothingYet(req, res);
      const tally = feed.tally(String(req.params.poll));
      if (!tally)
        return sendMessage(req, res, {
          problem: 'unknown-poll',
          text: ({ messages }) => messages.unknownPoll,
        });
      sendPoll(req, res, tally, view);
    });
  }

  app.get('/polls', (req, res) => {
    if (!feed.polls()) return sayNothingYet(req, res);
    sendPage(res, 200, pages.polls(frameOf(req, res), allPolls()));
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
    if (answer.kind === 'unknown') {
      return sendMessage(req, res, {
        problem: 'unknown-receipt',
        text: ({ messages }) => messages.unknownReceipt,
      });
    }
    if (answer.kind === 'unavailable') {
      return sendMessage(req, res, {
        problem: 'unavailable',
        text: ({ messages }) => messages.noReceiptNow,
        retryAfter: 1,
      });
    }
    const poll = feed.polls()?.find(({ key }) => key === answer.poll);
    sendPage(res, 200, pages.receipt(frameOf(req, res), { status: answer.status, poll }));
  });

  app.get('/problems/:name', (req, res) => {
    const { name } = req.params;
    if (!Object.hasOwn(PROBLEMS, name)) return sendNothingHere(req, res);
    const { status, title } = PROBLEMS[name as ProblemName];
    const advice = PROBLEM_ADVICE[name as ProblemName] ?? ONLY_FROM_VOTE;
    sendPage(
      res,
      200,
      pages.problem(title, `${advice} (Answered with the status ${status}; its type is ${name}.)`),
    );
  });

  app.use(sendNothingHere);

  const onError: ErrorRequestHandler = (error, req, res, next) => {
    if (res.headersSent) return next(error);
    if (error instanceof URIError) return sendUndecodable(req, res);
    deps.log.error({ err: error, requestId: res.locals.requestId }, 'a request failed');
    if (isApi(req)) sendProblem(res, problem('internal', 'The failure was logged. Try again.'));
    else sendMessage(req, res, { problem: 'internal', text: ({ messages }) => messages.failed });
  };
  app.use(onError);
  return app;

  function allPolls(): { key: string; question: string; phase: Phase }[] {
    return feed.polls()!.map((poll) => ({ ...poll, phase: feed.tally(poll.key)!.phase }));
  }

  function frameOf(req: Request, res: Response): Frame {
    return { language: languageOf(res), origin: ownOrigin(req, config.PUBLIC_RESULT_URL) };
  }

  function sendPoll(req: Request, res: Response, tally: Tally, view?: 'projector'): void {
    const voting = votingAddress({ protocol: req.protocol, host: req.host }, config);
    sendPage(
      res,
      200,
      pages.poll(frameOf(req, res), {
        tally,
        polls: allPolls(),
        voting,
        points: deps.turnout.points(tally.poll) ?? [],
        view,
      }),
    );
  }

  function sayNothingYet(req: Request, res: Response): void {
    sendMessage(req, res, {
      problem: 'unavailable',
      text: ({ messages }) => messages.noTallyYet,
      retryAfter: 1,
    });
  }

  function sendNothingHere(req: Request, res: Response): void {
    if (isApi(req)) sendProblem(res, problem('not-found', 'This method and path are not part of the API.'));
    else sendMessage(req, res, { problem: 'not-found', text: ({ messages }) => messages.nothingHere });
  }

  /** A path that is no text in UTF-8 names nothing that exists. */
  function sendUndecodable(req: Request, res: Response): void {
    if (req.path.startsWith('/api/polls/')) sendProblem(res, UNKNOWN_POLL);
    else if (req.path.startsWith('/api/receipts/')) sendProblem(res, UNKNOWN_RECEIPT);
    else sendNothingHere(req, res);
  }

  /** A problem as a page, in words. */
  function sendMessage(req: Request, res: Response, message: Message): void {
    if (message.retryAfter !== undefined) res.setHeader('Retry-After', String(message.retryAfter));
    sendPage(res, PROBLEMS[message.problem].status, pages.message(frameOf(req, res), message));
  }
}

function isApi(req: Request): boolean {
  return req.path === '/api' || req.path.startsWith('/api/');
}

function sendPage(res: Response, status: number, html: string): void {
  res.setHeader('Cache-Control', 'private, no-cache');
  res.status(status).type('html').send(html);
}
