import { PROBLEMS, type ProblemName } from '@hbf/contracts/problems';
import type { PollView } from '@hbf/contracts/tally';
import { Eta } from 'eta';
import { readAssets, viewsDirectory } from './assets.ts';
import type { OwnBallot } from './ballot-cookie.ts';
import { PROBLEM_ADVICE } from './problem-advice.ts';
import { writeTime } from './write-time.ts';

export type PollPage = {
  poll: PollView;
  /** Why the ballot that was just sent was refused. */
  notice?: { title: string; detail: string };
  /** What is ticked when the page opens. */
  ticked: readonly string[];
  /** The hidden key of an `open` poll's form. */
  ballotKey?: string;
  own?: OwnBallot;
  /** The result service's origin, where it is known. */
  resultOrigin: string | undefined;
  /** All polls. */
  polls: readonly PollView[];
};

export type ErrorPage = {
  title: string;
  detail: string;
  /** Where to go from here. */
  link?: { href: string; text: string };
  /** A form that sends the same once more. */
  retry?: { action: string; fields: readonly (readonly [name: string, value: string])[] };
};

export type Pages = {
  poll(page: PollPage): string;
  error(page: ErrorPage): string;
  problem(name: ProblemName): string;
  problems(): string;
};

/** The pages as HTML. Everything put into a template is escaped. */
export function createPages(): Pages {
  const eta = new Eta({ views: viewsDirectory, cache: true, autoEscape: true });
  const assets = readAssets();
  const render = (view: string, model: object) => eta.render(view, { ...model, assets, formatTime });
  return {
    poll: (page) => render('poll', page),
    error: (page) => render('error', page),
    problem: (name) => render('problem', { ...PROBLEMS[name], name, advice: PROBLEM_ADVICE[name] }),
    problems: () => render('problems', { problems: PROBLEMS }),
  };
}

/** A moment as people read it. In UTC: where the reader is, only the browser knows, and its code writes it anew. */
function formatTime(iso: string): string {
  return writeTime(iso, 'UTC');
}
