import type { Shown } from '../history/events.ts';
import type { Sight } from './page-state.ts';

/** The words of the real page, as they stand in its elements (apps/result/views/poll.eta). */
export type DomWords = {
  /** `data-tone` of #freshness. */
  tone: string;
  freshness: string;
  turnout: string;
  times: string;
  /** By option; empty while the results are hidden. */
  votes: string[];
};

/** What the tones of apps/result/src/tally-view.ts claim. */
const CLAIMS: Record<string, Shown> = {
  live: 'live',
  // Not open yet, or closed and counting to the end: neither is said of an old tally.
  waiting: 'live',
  // "Every ballot is counted" claims no less than "live".
  final: 'live',
  delayed: 'delayed',
  stale: 'stale',
  silent: 'silent',
};

/**
 * Reads what the real page says.
 * @param before what it said before: how many ballots are queued is not said while counting stands still.
 * @throws if it says what this does not know.
 */
export function readDom(words: DomWords, before: Sight | undefined): Sight {
  const shows = CLAIMS[words.tone];
  if (!shows) throw new Error(`the page has a tone that is not known here: ${words.tone}`);
  const says = shows === 'live' || shows === 'delayed';
  return {
    shows,
    turnout: numberIn(words.turnout) ?? 0,
    queued: says ? (numberIn(words.freshness) ?? 0) : (before?.queued ?? 0),
    phase: words.tone === 'final' ? 'final' : phaseOf(words.times),
    votes: words.votes.map((text) => numberIn(text) ?? null),
  };
}

function phaseOf(times: string): string {
  if (times.startsWith('Voting opens')) return 'scheduled';
  return /^Voting (?:is )?closed/.test(times) ? 'closed' : 'open';
}

/** The first number of a text, as Intl writes it in English. */
function numberIn(text: string): number | undefined {
  const found = /\d[\d,]*/.exec(text)?.[0];
  return found === undefined ? undefined : Number(found.replaceAll(',', ''));
}
