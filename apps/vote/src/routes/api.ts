import type { CastAnswer } from '@hbf/contracts/ballot';
import type { Express } from 'express';
import { parseJson } from '../ballot-body.ts';
import { UNAVAILABLE } from '../casting.ts';
import { pollView } from '../poll-view.ts';
import { isBallotKey, voterAtRandom, voterOfBrowser, voterOfKey } from '../voter.ts';
import { heedsBallotKey, pollInPath, receiveBallot, type Shared, senderOf } from './shared.ts';

/** The API: `/api/polls`, `/api/polls/:poll`, `/api/polls/:poll/ballots`. */
export function addApiRoutes(app: Express, shared: Shared): void {
  const { answers, ballots, casting, voterCookie } = shared;

  app.get('/api/polls', (req, res) => {
    const polls = ballots.polls();
    if (!polls) return answers.refuse(req, res, UNAVAILABLE);
    res.json({ polls: polls.map((poll) => pollView(poll, ballots.now())) });
  });

  app.get('/api/polls/:poll', (req, res) => {
    const poll = casting.findPoll(pollInPath(req));
    if ('problem' in poll) return answers.refuse(req, res, poll);
    voterCookie.give(req, res);
    res.json(pollView(poll, ballots.now()));
  });

  app.post('/api/polls/:poll/ballots', ...receiveBallot(shared, 'application/json'), async (req, res) => {
    const choices = parseJson(req.body);
    if (!choices) {
      return answers.refuse(req, res, {
        problem: 'malformed',
        detail: 'Send a JSON object with the one field "choices", a list of options\' keys.',
      });
    }
    const poll = casting.findPollForBallot(pollInPath(req));
    const ballotKey = req.get('Idempotency-Key');
    if (ballotKey !== undefined && heedsBallotKey(poll) && !isBallotKey(ballotKey)) {
      return answers.refuse(req, res, {
        problem: 'malformed',
        detail: 'An Idempotency-Key has 1 to 200 printable ASCII characters.',
      });
    }
    if ('problem' in poll) return answers.refuse(req, res, poll);

    let voter: Buffer;
    let repeatable = true;
    if (poll.eligibility === 'browser') {
      const cookie = voterCookie.read(req);
      if (!cookie) {
        return answers.refuse(req, res, {
          problem: 'no-voter',
          detail: 'Ask for this poll with GET first and send the cookie that comes with the answer.',
        });
      }
      voter = voterOfBrowser(cookie, poll.key);
    } else {
      repeatable = ballotKey !== undefined;
      voter = ballotKey === undefined ? voterAtRandom() : voterOfKey(ballotKey, poll.key);
    }

    res.locals.repeatable = repeatable;
    const sender = senderOf(shared, req, { voter: repeatable ? voter : undefined, votedBefore: false });
    const result = await casting.cast(poll, { voter, choices, repeatable }, sender);
    if (result.outcome === 'refused') return answers.refuse(req, res, result);
    res.status(202).json({ status: 'accepted', receipt: result.receipt } satisfies CastAnswer);
  });
}
