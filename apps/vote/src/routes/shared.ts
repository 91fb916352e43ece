import { setImmediate } from 'node:timers/promises';
import type { Poll } from '@hbf/contracts/poll';
import { isCrossSite } from '@hbf/service-kit/request-origin';
import type { Request, RequestHandler } from 'express';
import type { Answers } from '../answers.ts';
import { type BodyType, hasBodyOf, readBody } from '../ballot-body.ts';
import type { BallotCookie } from '../ballot-cookie.ts';
import type { Ballots, Casting, Sender } from '../casting.ts';
import type { Limits, Voting } from '../limits/limits.ts';
import type { Pages } from '../pages.ts';
import type { Refusal } from '../refusal.ts';
import type { VoterCookie } from '../voter-cookie.ts';

/** What the routes need; `createApp` makes it. */
export type Shared = {
  publicVoteUrl: string | undefined;
  ballots: Ballots;
  pages: Pages;
  answers: Answers;
  casting: Casting;
  limits: Limits;
  voterCookie: VoterCookie;
  ballotCookie: BallotCookie;
};

/** What comes before every ballot, in the contract's order: whose page sent it, what it is, how large it is. */
export function receiveBallot(shared: Shared, type: BodyType): RequestHandler[] {
  const { answers, publicVoteUrl } = shared;
  return [
    answers.isBallot,
    (req, res, next) => {
      if (!isCrossSite(req.headers, publicVoteUrl)) return next();
      answers.refuse(req, res, {
        problem: 'cross-site',
        detail: ({ refusals }) => refusals.otherSite,
      });
    },
    (req, res, next) => {
      if (hasBodyOf(type, req)) return next();
      answers.refuse(req, res, {
        problem: 'unsupported-media-type',
        detail: `A ballot is sent here as ${type}, in UTF-8 and not compressed.`,
      });
    },
    readBody,
  ];
}

/** The sender of a ballot, as casting asks about it. */
export function senderOf({ limits }: Shared, req: Request, voting: Voting): Sender {
  return { charge: () => limits.charge(req, voting), hasLeft: () => hasLeft(req) };
}

/**
 * Held up on its way, or by a stop of this process, a ballot may come after its voter gave up and voted again elsewhere;
 * appended now, it would count in place of that. The end of the connection comes right behind it, and is read in the next
 * turn of the event loop.
 */
async function hasLeft({ socket }: Request): Promise<boolean> {
  await setImmediate();
  await setImmediate();
  return socket.destroyed || socket.readableEnded;
}

/**
 * Whether a ballot's key is heeded: a `browser` poll takes no notice of it, however it is written, and while no polls
 * are known this may be one.
 */
export function heedsBallotKey(poll: Poll | Refusal): boolean {
  return 'problem' in poll ? poll.problem === 'unknown-poll' : poll.eligibility === 'open';
}

/** The poll's key in the path; undefined where the path is that of the first poll. */
export function pollInPath(req: Request): string | undefined {
  const { poll } = req.params;
  return typeof poll === 'string' ? poll : undefined;
}
