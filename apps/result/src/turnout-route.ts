import type { TurnoutPoints } from '@hbf/contracts/tally';
import { sendProblem } from '@hbf/service-kit/problem';
import type { Express } from 'express';
import { NO_SUCH_POLL, NO_TALLY_YET, problem, unavailable } from './problem.ts';
import type { TallyFeed } from './tally-feed.ts';
import type { TurnoutHistory } from './turnout-history.ts';

const UNKNOWN_POLL = problem('unknown-poll', NO_SUCH_POLL);
const NOTHING_READ = 'How the turnout grew could not be read yet. Try again in a moment.';

/** Answers how the turnout of a poll grew. */
export function addTurnoutRoute(app: Express, deps: { feed: TallyFeed; turnout: TurnoutHistory }): void {
  app.get('/api/polls/:poll/turnout', (req, res) => {
    const { poll } = req.params;
    const polls = deps.feed.polls();
    if (!polls) return sendProblem(res, unavailable(NO_TALLY_YET));
    if (!polls.some(({ key }) => key === poll)) return sendProblem(res, UNKNOWN_POLL);
    const points = deps.turnout.points(poll);
    if (!points) return sendProblem(res, unavailable(NOTHING_READ));
    res.setHeader('Cache-Control', 'no-store');
    const answer: TurnoutPoints = {
      poll,
      points: points.map(({ at, voters }) => ({ at: new Date(at).toISOString(), voters })),
    };
    res.json(answer);
  });
}
