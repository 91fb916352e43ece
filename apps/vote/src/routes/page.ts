import type { Poll } from '@hbf/contracts/poll';
import { PROBLEMS } from '@hbf/contracts/problems';
import type { Express, Request, Response } from 'express';
import { parseForm } from '../ballot-body.ts';
import type { PollPage } from '../pages.ts';
import { pollView } from '../poll-view.ts';
import { isBallotKey, newBallotKey, voterOfBrowser, voterOfKey } from '../voter.ts';
import { heedsBallotKey, pollInPath, receiveBallot, type Shared, senderOf } from './shared.ts';

const PATHS = ['/', '/p/:poll'];

/** The pages on which voters vote: `/` for the first poll, `/p/:poll` for any. */
export function addPageRoutes(app: Express, shared: Shared): void {
  for (const path of PATHS) {
    app.get(path, (req, res) => showPoll(shared, req, res));
    app.post(path, ...receiveBallot(shared, 'application/x-www-form-urlencoded'), (req, res) =>
      castForm(shared, req, res),
    );
  }
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
        ? { href: pollPath(req), text: 'Try again' }
        : { href: '/', text: 'Go to the first poll' };
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
    pages.poll({
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
      { problem: 'malformed', detail: 'The form was not sent as this page made it. Open the page again.' },
      { link: { href: own, text: "Go to the poll's page" } },
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
      poll.problem === 'not-accepted' ? { retry } : { link: { href: '/', text: 'Go to the first poll' } };
    return answers.refuse(req, res, poll, next);
  }

  const cookie = voterCookie.read(req);
  if (poll.eligibility === 'browser' && !cookie) {
    return answers.refuse(
      req,
      res,
      {
        problem: 'no-voter',
        detail:
          'This poll counts one vote per browser, and knows the browser by a cookie that comes with the page. ' +
          'Open the page, allow its cookie, and vote there. Nothing was counted.',
      },
      { link: { href: `/p/${poll.key}`, text: "Go to the poll's page" } },
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
    const html = pages.poll({
      ...pollPage(shared, res, poll),
      notice: { title: PROBLEMS[result.problem].title, detail: result.detail },
      ticked: choices,
      ballotKey,
    });
    return answers.refuseWithPage(res, result, html);
  }
  ballotCookie.write(req, res, poll, { choices, receipt: result.receipt });
  res.redirect(303, own);
}
