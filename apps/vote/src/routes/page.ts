import type { Poll } from '@hbf/contracts/poll';
import type { Express, Request, Response } from 'express';
import { parseForm } from '../ballot-body.ts';
import { UNAVAILABLE } from '../casting.ts';
import { frameOf, type PollPage } from '../pages.ts';
import { pollView } from '../poll-view.ts';
import { retryAfter } from '../refusal.ts';
import { isBallotKey, newBallotKey, voterOfBrowser, voterOfKey } from '../voter.ts';
import type { Words } from '../words/words.ts';
import { heedsBallotKey, pollInPath, receiveBallot, type Shared, senderOf } from './shared.ts';

const PATHS = ['/', '/p/:poll'];

/** The pages on which voters vote: `/` for the first poll, `/p/:poll` for any, `/polls` to find one. */
export function addPageRoutes(app: Express, shared: Shared): void {
  for (const path of PATHS) {
    app.get(path, (req, res) => showPoll(shared, req, res));
    app.post(path, ...receiveBallot(shared, 'application/x-www-form-urlencoded'), (req, res) =>
      castForm(shared, req, res),
    );
  }
  app.get('/polls', (req, res) => {
    const { answers, ballots, pages } = shared;
    const polls = ballots.polls();
    if (!polls) return answers.refuse(req, res, UNAVAILABLE);
    const now = ballots.now();
    res.type('html').send(
      pages.polls(
        frameOf(res),
        polls.map((poll) => pollView(poll, now)),
      ),
    );
  });
}

/**
 * Where a request's poll has its page. Not the path as it came: `//` leads to the first poll too, and a browser that is
 * sent there takes what follows for a host.
 */
function pollPath(req: Request): string {
  const key = pollInPath(req);
  return key === undefined ? '/' : `/p/${encodeURIComponent(key)}`;
}

function showPoll(shared: Shared, req: Request, res: Response): void {
  const { answers, ballotCookie, casting, pages, voterCookie } = shared;
  const poll = casting.findPoll(pollInPath(req));
  if ('problem' in poll) {
    const link =
      poll.problem === 'unavailable'
        ? { href: pollPath(req), text: ({ tryAgain }: Words) => tryAgain }
        : { href: '/', text: ({ firstPoll }: Words) => firstPoll };
    answers.refuse(req, res, poll, { link });
    return;
  }
  const cookie = voterCookie.give(req, res);
  const own = ballotCookie.read(
    req,
    poll,
    poll.eligibility === 'browser' ? voterOfBrowser(cookie, poll.key) : undefined,
  );
  // In an open poll the next ballot is another voter's, so nothing is ticked for it.
  const ticked = own && poll.eligibility === 'browser' ? own.choices : [];
  res.type('html').send(
    pages.poll(frameOf(res), {
      ...pollPage(shared, res, poll),
      ticked,
      ballotKey: newBallotKey(),
      ...(own && { own }),
    }),
  );
}

function pollPage(shared: Shared, res: Response, poll: Poll): Omit<PollPage, 'ticked' | 'ballotKey'> {
  const now = shared.ballots.now();
  return {
    poll: pollView(poll, now),
    polls: (shared.ballots.polls() ?? []).map((other) => pollView(other, now)),
    resultOrigin: res.locals.resultOrigin,
    now,
  };
}

async function castForm(shared: Shared, req: Request, res: Response): Promise<void> {
  const { answers, ballotCookie, casting, pages, voterCookie } = shared;
  const { choices, ballotKey: sentKey } = parseForm(req.body);
  const poll = casting.findPollForBallot(pollInPath(req));
  const own = pollPath(req);
  if (sentKey !== undefined && heedsBallotKey(poll) && !isBallotKey(sentKey)) {
    return answers.refuse(
      req,
      res,
      { problem: 'malformed', detail: ({ refusals }) => refusals.notOurForm },
      { link: { href: own, text: ({ thisPoll }) => thisPoll } },
    );
  }
  // A form that came without a key gets one here: should it have to be sent again, it is the same voter's.
  const ballotKey = sentKey ?? newBallotKey();
  const retry = {
    action: own,
    fields: [...choices.map((choice) => ['vote', choice] as const), ['ballot-key', ballotKey] as const],
  };
  if ('problem' in poll) {
    const next =
      poll.problem === 'not-accepted'
        ? { retry }
        : { link: { href: '/', text: ({ firstPoll }: Words) => firstPoll } };
    return answers.refuse(req, res, poll, next);
  }

  const cookie = voterCookie.read(req);
  if (poll.eligibility === 'browser' && !cookie) {
    return answers.refuse(
      req,
      res,
      { problem: 'no-voter', detail: ({ refusals }) => refusals.noVoter },
      { link: { href: `/p/${poll.key}`, text: ({ thisPoll }) => thisPoll } },
    );
  }
  const voter =
    poll.eligibility === 'browser' ? voterOfBrowser(cookie!, poll.key) : voterOfKey(ballotKey, poll.key);

  res.locals.repeatable = true;
  res.locals.retry = retry;
  // In an open poll whoever voted before is no known voter: the next ballot is a new one's.
  const votedBefore = poll.eligibility === 'browser' && ballotCookie.read(req, poll, voter) !== undefined;
  const sender = senderOf(shared, req, { voter, votedBefore });
  const result = await casting.cast(poll, { voter, choices, repeatable: true }, sender);
  if (result.outcome === 'refused') {
    const page = pollPage(shared, res, poll);
    const html = pages.poll(frameOf(res), {
      ...page,
      // Redis knows it first: by its clock, or because the poll was closed for good.
      ...(result.problem === 'poll-closed' && { poll: { ...page.poll, phase: 'closed' } }),
      notice: { problem: result.problem, detail: result.detail, retryAfter: retryAfter(result) },
      ticked: choices,
      ballotKey,
    });
    return answers.refuseWithPage(res, result, html);
  }
  ballotCookie.write(req, res, poll, { choices, receipt: result.receipt });
  res.redirect(303, own);
}
