import { fileURLToPath } from 'node:url';
import type { TurnoutPoint } from '@hbf/ballot-store/read-turnout-points';
import type { Phase } from '@hbf/contracts/poll';
import type { ProblemName } from '@hbf/contracts/problems';
import type { ReceiptStatus, Tally } from '@hbf/contracts/tally';
import { readAssets } from '@hbf/page-kit/assets';
import { keepLast } from '@hbf/page-kit/keep-last';
import { createTemplates, type Frame } from '@hbf/page-kit/templates';
import { qrCode } from './qr-code.ts';
import { wordsOfReceipt } from './receipt-words.ts';
import { viewTally } from './tally-view.ts';
import { drawTurnout, turnoutNow } from './turnout-plot.ts';
import type { VotingAddress } from './voting-address.ts';
import { en } from './words/en.ts';
import { type Words, wordsIn } from './words/words.ts';

// The package's dist, seen from its src as well: tests run the sources with the built pages.
const DIST = new URL('../dist/', import.meta.url);

/** The folder of the files that pages name. */
export const PUBLIC_DIRECTORY = fileURLToPath(new URL('public/', DIST));

type PollInList = { key: string; question: string; phase: Phase };

export type PollPage = {
  tally: Tally;
  /** All polls, in their order. */
  polls: readonly PollInList[];
  voting: VotingAddress;
  /** How the turnout came about, as far as that is known. */
  points: readonly TurnoutPoint[];
  view: 'projector' | undefined;
};

/** A problem in words. */
export type Message = {
  problem: ProblemName;
  text: (words: Words) => string;
  /** Seconds after which the page loads itself again. */
  retryAfter?: number;
};

export type Pages = {
  /** The page of a poll: everything is in it, so that it works without any script. */
  poll(frame: Frame, page: PollPage): string;
  /** The index of all polls. */
  polls(frame: Frame, polls: readonly PollInList[]): string;
  /** A receipt's state. @param page.poll where the ballot was cast, if that poll is known here. */
  receipt(
    frame: Frame,
    page: { status: ReceiptStatus; poll: { key: string; question: string } | undefined },
  ): string;
  message(frame: Frame, message: Message): string;
  /** What a problem's `type` leads to, in the language of the API. */
  problem(title: string, text: string): string;
};

/** An address in the parts between which a line may end. */
function addressParts(url: string): string[] {
  return url.replace(/^https?:\/\//, '').split(/(?=\/p\/)/);
}

/** The pages as HTML. Everything put into a template is escaped. */
export function createPages(): Pages {
  const templates = createTemplates(fileURLToPath(new URL('views/', DIST)), readAssets(DIST));
  const render = (view: string, frame: Frame, model: object) =>
    templates(view, frame, wordsIn(frame.language), model);
  // Between two tallies all readers of a poll get the same page.
  const kept = keepLast<string>(50);
  const renderPoll: Pages['poll'] = (frame, { voting, ...page }) => {
    const { tally, polls } = page;
    const path = polls[0]?.key === tally.poll ? '' : `/p/${tally.poll}`;
    const at = polls.findIndex(({ key }) => key === tally.poll);
    const phones = voting.phones && voting.phones + path;
    const last = polls.length - 1;
    return render('poll', frame, {
      ...page,
      title: tally.question,
      view: page.view,
      shown: viewTally(tally, wordsIn(frame.language)),
      plot: drawTurnout(page.points, turnoutNow(tally)),
      vote: voting.here && `${voting.here}/p/${tally.poll}`,
      // What people type: browsers need no scheme.
      phones: phones && { parts: addressParts(phones), qr: qrCode(phones) },
      isLocal: voting.isLocal,
      previous: last > 0 && polls[at > 0 ? at - 1 : last]!.key,
      next: last > 0 && polls[at < last ? at + 1 : 0]!.key,
    });
  };
  return {
    poll: (frame, page) => kept(JSON.stringify([frame, page]), () => renderPoll(frame, page)),
    polls: (frame, polls) => render('polls', frame, { polls }),
    receipt: (frame, { status, poll }) =>
      render('receipt', frame, { says: wordsOfReceipt(status, wordsIn(frame.language)), poll }),
    message(frame, { problem, text, retryAfter }) {
      const words = wordsIn(frame.language);
      return render('message', frame, {
        title: words.problems[problem],
        text: text(words),
        retryAfter,
        // Where the page comes again by itself there is nowhere to go.
        link: retryAfter === undefined && { href: '/polls', text: words.allPolls },
      });
    },
    problem: (title, text) =>
      templates('message', { language: 'en', origin: undefined }, en, {
        title,
        text,
        oneLanguage: true,
        link: { href: '/', text: en.toResults },
      }),
  };
}
