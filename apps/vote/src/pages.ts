import { fileURLToPath } from 'node:url';
import { PROBLEMS, type ProblemName } from '@hbf/contracts/problems';
import type { PollView } from '@hbf/contracts/tally';
import { readAssets } from '@hbf/page-kit/assets';
import { languageOf } from '@hbf/page-kit/speak';
import { createTemplates, type Frame } from '@hbf/page-kit/templates';
import type { Response } from 'express';
import type { OwnBallot } from './ballot-cookie.ts';
import { PROBLEM_ADVICE } from './problem-advice.ts';
import { en } from './words/en.ts';
import { type Said, sayIn, wordsIn } from './words/words.ts';

// The package's dist, seen from its src as well: tests run the sources with the built pages.
const DIST = new URL('../dist/', import.meta.url);

/** The folder of the files that pages name. */
export const PUBLIC_DIRECTORY = fileURLToPath(new URL('public/', DIST));

export type PollPage = {
  poll: PollView;
  /** Why the ballot that was just sent was refused, and whether the same can be sent again, from how many seconds on. */
  notice?: { problem: ProblemName; detail: Said; retryAfter: number | undefined };
  /** What is ticked when the page opens. */
  ticked: readonly string[];
  /** The hidden key of an `open` poll's form. */
  ballotKey?: string;
  own?: OwnBallot;
  /** The result service's origin, where it is known. */
  resultOrigin: string | undefined;
  /** All polls. */
  polls: readonly PollView[];
  /** The moment of this page (ms since 1970), for what counts down on it. */
  now: number;
};

export type ErrorPage = {
  problem: ProblemName;
  detail: Said;
  /** Seconds after which the page comes again by itself. */
  retryAfter: number | undefined;
  /** Where to go from here. */
  link?: { href: string; text: Said };
  /** A form that sends the same once more. */
  retry?: { action: string; fields: readonly (readonly [name: string, value: string])[] };
};

export type Pages = {
  poll(frame: Frame, page: PollPage): string;
  /** The index of all polls. */
  polls(frame: Frame, polls: readonly PollView[]): string;
  error(frame: Frame, page: ErrorPage): string;
  problem(name: ProblemName): string;
  problems(): string;
};

/** What the frame of an answer's page needs. */
export function frameOf(res: Response): Frame {
  return { language: languageOf(res), origin: res.locals.ownOrigin };
}

/** The pages as HTML. Everything put into a template is escaped. */
export function createPages(): Pages {
  const templates = createTemplates(fileURLToPath(new URL('views/', DIST)), readAssets(DIST));
  const render = (view: string, frame: Frame, model: object) =>
    templates(view, frame, wordsIn(frame.language), model);
  // For those who write programs, in the language of the API alone.
  const document = (view: string, model: object) =>
    templates(view, { language: 'en', origin: undefined }, en, { ...model, oneLanguage: true });
  return {
    poll(frame, page) {
      const { problems } = wordsIn(frame.language);
      const notice = page.notice && {
        ...page.notice,
        title: problems[page.notice.problem],
        text: sayIn(page.notice.detail, wordsIn(frame.language)),
      };
      return render('poll', frame, { ...page, notice });
    },
    polls: (frame, polls) => render('polls', frame, { polls }),
    error(frame, { problem, detail, link, ...page }) {
      const words = wordsIn(frame.language);
      return render('message', frame, {
        ...page,
        title: words.problems[problem],
        text: sayIn(detail, words),
        link: link && { href: link.href, text: sayIn(link.text, words) },
      });
    },
    problem: (name) => document('problem', { ...PROBLEMS[name], name, advice: PROBLEM_ADVICE[name] }),
    problems: () => document('problems', { problems: PROBLEMS }),
  };
}
