import type { Producer } from '@hbf/ballot-stream/producer';
import { type ChoiceFault, choiceFault, type Poll, phaseAt } from '@hbf/contracts/poll';
import { RECEIPT_PURPOSE, writeReceipt } from '@hbf/receipt/receipt';
import { createKeyring, type Key } from '@hbf/service-kit/keyring';
import type { Charge } from './limits/limits.ts';
import { VOTER_LEFT, type VoteMetrics } from './metrics.ts';
import type { Refusal } from './refusal.ts';
import type { Said } from './words/words.ts';

/** The way into the ballot stream. */
export type Ballots = Pick<Producer, 'polls' | 'now' | 'append'>;

export type CastOutcome = { outcome: 'accepted'; receipt: string } | ({ outcome: 'refused' } & Refusal);

export type Casting = {
  /** @param key of the poll; undefined for the first one. */
  findPoll(key: string | undefined): Poll | Refusal;
  /** As `findPoll`, for a request that brings a ballot: a refusal says what became of that. */
  findPollForBallot(key: string | undefined): Poll | Refusal;
  /** Casts a ballot: checks everything that its voter could be told is wrong, then appends it. */
  cast(poll: Poll, ballot: Ballot, sender: Sender): Promise<CastOutcome>;
};

export type Ballot = {
  voter: Buffer;
  choices: readonly string[];
  /** Whether a second try would come from the same voter, and so supersede instead of add. */
  repeatable: boolean;
};

/** Who sent a ballot: asked when all else is in order. */
export type Sender = {
  /** Counts the ballot by the limits. @returns why it is refused, if too many came. */
  charge(): Promise<Refusal | Charge>;
  /** Whether nobody waits for the answer any more. */
  hasLeft(): Promise<boolean>;
};

/** The answer while no polls are known: since the start of this process their store has not been reached. */
export const UNAVAILABLE: Refusal = {
  problem: 'unavailable',
  detail: ({ refusals }) => refusals.unavailable,
};

export function createCasting(deps: {
  ballots: Ballots;
  receiptKeys: readonly Key[];
  metrics: VoteMetrics;
}): Casting {
  const { ballots, metrics } = deps;
  const receipts = createKeyring(deps.receiptKeys, RECEIPT_PURPOSE);

  const findPoll: Casting['findPoll'] = (key) => {
    const polls = ballots.polls();
    if (!polls) return UNAVAILABLE;
    const poll = key === undefined ? polls[0] : polls.find((candidate) => candidate.key === key);
    return poll ?? { problem: 'unknown-poll', detail: ({ refusals }) => refusals.unknownPoll };
  };

  return {
    findPoll,

    findPollForBallot(key) {
      const poll = findPoll(key);
      if (poll !== UNAVAILABLE) return poll;
      metrics.notAccepted.inc({ cause: 'unreachable' });
      return { problem: 'not-accepted', detail: NOT_ACCEPTED };
    },

    async cast(poll, { voter, choices, repeatable }, sender) {
      const phase = phaseAt(poll, ballots.now());
      if (phase === 'closed') return refused('poll-closed', CLOSED);
      if (phase === 'scheduled') return refused('poll-not-yet-open', NOT_YET_OPEN);
      const fault = choiceFault(poll, choices);
      if (fault) return refused('choices-refused', describeFault(fault));

      const charge = await sender.charge();
      if ('problem' in charge) return { outcome: 'refused', ...charge };
      // The last look: what comes before may have waited for the limits' store.
      if (await sender.hasLeft()) {
        metrics.notAccepted.inc({ cause: VOTER_LEFT });
        charge.takeBack();
        return refused('not-accepted', NOT_ACCEPTED);
      }

      const appended = await ballots.append(poll.key, { voter, choices });
      if (appended.outcome !== 'accepted') charge.takeBack();
      switch (appended.outcome) {
        case 'accepted': {
          metrics.accepted.inc();
          return {
            outcome: 'accepted',
            receipt: writeReceipt(receipts, { poll: poll.key, voter, ...appended.identity }),
          };
        }
        case 'poll-closed':
          return refused('poll-closed', CLOSED);
        case 'poll-not-yet-open':
          return refused('poll-not-yet-open', NOT_YET_OPEN);
        case 'not-accepted':
          metrics.notAccepted.inc({ cause: appended.reason });
          return refused('not-accepted', NOT_ACCEPTED);
        case 'unconfirmed':
          return refused('unconfirmed', repeatable ? UNCONFIRMED : UNCONFIRMED_WITHOUT_KEY);
      }
    },
  };
}

/** What is said of a ballot that may count, where a second try would be another voter's. */
export const UNCONFIRMED_WITHOUT_KEY: Said = ({ refusals }) => refusals.unconfirmedWithoutKey;
const CLOSED: Said = ({ refusals }) => refusals.closed;
const NOT_YET_OPEN: Said = ({ refusals }) => refusals.notYetOpen;
const NOT_ACCEPTED: Said = ({ refusals }) => refusals.notAccepted;
const UNCONFIRMED: Said = ({ refusals }) => refusals.unconfirmed;

function refused(problem: Refusal['problem'], detail: Said): CastOutcome {
  return { outcome: 'refused', problem, detail };
}

/** Never repeats the choice itself: it may be 4 kB of anything. */
function describeFault(fault: ChoiceFault): Said {
  switch (fault.fault) {
    case 'unknown-choice':
      return ({ refusals }) => refusals.unknownChoice;
    case 'repeated-choice':
      return ({ refusals }) => refusals.repeatedChoice;
    case 'too-few-choices':
      return ({ refusals }) => refusals.tooFew(fault.min);
    case 'too-many-choices':
      return ({ refusals }) => refusals.tooMany(fault.max);
  }
}
