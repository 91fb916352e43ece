/**
 * A tally in words and widths: what the page shows. Pure, and safe in a browser: the server renders a page with it and
 * the browser renders each change with it, so both always say the same.
 */
import type { Tally } from '@hbf/contracts/tally';
import type { Sentence } from '@hbf/page-kit/writing';
import type { Words } from './words/words.ts';

export type TallyView = {
  rows: {
    key: string;
    label: string;
    /** "1 vote", "1,204 votes"; empty while the results are hidden. */
    votes: string;
    /** The share of the voters that chose it, as "67%"; empty before the first ballot and while the results are hidden. */
    share: string;
    /** The bar's length, 0 to 100. */
    width: number;
    /** Whether no other has more votes, and it has some. */
    leads: boolean;
  }[];
  /** "37 voters", or that there is no ballot yet. */
  turnout: string;
  /** Who leads, or the outcome once that is certain; undefined while the results are hidden. */
  verdict: Sentence | undefined;
  /** Why there are no votes to see, and when there will be. */
  hidden: Sentence | undefined;
  /** How current this is. */
  freshness: { tone: 'live' | 'waiting' | 'delayed' | 'stale' | 'final'; text: Sentence };
  /** When voting opens or closes. */
  times: Sentence | undefined;
  /** What the link to the vote page says; undefined where voting is over. */
  voteLink: string | undefined;
};

export function viewTally(tally: Tally, words: Words): TallyView {
  const hidden = tally.options.some(({ votes }) => votes === null);
  const isOver = tally.phase === 'closed' || tally.phase === 'final';
  const most = Math.max(...tally.options.map(({ votes }) => votes ?? 0));
  const digits = digitsFor(tally);
  return {
    rows: tally.options.map(({ key, label, votes }) => ({
      key,
      label,
      votes: votes === null ? '' : words.votes(votes),
      share: votes === null || tally.turnout === 0 ? '' : share(votes, tally.turnout, digits, words),
      width: votes === null || tally.turnout === 0 ? 0 : Math.round((votes / tally.turnout) * 10_000) / 100,
      leads: votes !== null && votes > 0 && votes === most,
    })),
    turnout: tally.turnout === 0 ? nobody(tally, words) : words.voters(tally.turnout),
    verdict: hidden ? undefined : verdict(tally, words),
    hidden: hidden ? hiddenUntil(tally, words) : undefined,
    freshness: freshness(tally, words),
    times: times(tally, words),
    voteLink: isOver ? undefined : tally.phase === 'open' ? words.vote : words.toVotePage,
  };
}

function nobody({ phase }: Tally, words: Words): string {
  return phase === 'final' ? words.noBallotsCast : words.noBallotsYet;
}

/** Only a final poll has an outcome: until then ballots may still be on their way, and somebody merely leads. */
function verdict({ phase, options, turnout }: Tally, words: Words): Sentence {
  if (turnout === 0) return [phase === 'final' ? words.noOutcome : words.nobodyLeads];
  const ranked = options
    .map(({ label, votes }) => ({ label, votes: votes ?? 0 }))
    .sort((a, b) => b.votes - a.votes);
  const first = ranked.filter(({ votes }) => votes === ranked[0]!.votes);
  if (first.length > 1) return words.tie(first.map(({ label }) => label));
  const { label, votes } = ranked[0]!;
  return phase === 'final' ? words.outcome(label) : words.leads(label, votes - ranked[1]!.votes);
}

function hiddenUntil({ closesAt, phase }: Tally, words: Words): Sentence {
  // A moment after the clock says so; while no worker runs, once one does.
  if (phase === 'closed') return [words.hidden.untilCertain];
  return closesAt === null ? [words.hidden.untilClosed] : words.hidden.untilClose(closesAt);
}

function freshness(tally: Tally, { freshness: words }: Words): TallyView['freshness'] {
  const { phase, status, queued, asOf, turnout } = tally;
  if (phase === 'final') return { tone: 'final', text: [words.final] };
  const waiting = queued === 0 ? '' : words.onTheirWay(queued);
  const also = (state: string) => (waiting ? words.and(state, waiting) : state);
  if (status === 'stale') {
    // How many are queued is not known: the last number is as old as the tally.
    const kept = phase === 'scheduled' ? [] : [{ line: words.kept }];
    // A part of it that never reported promises nothing, which is written as 1970.
    if (Date.parse(asOf) === 0) {
      return { tone: 'stale', text: [turnout === 0 ? words.notStarted : words.notFullyStarted, ...kept] };
    }
    return { tone: 'stale', text: [...words.stoppedSince(asOf), ...kept] };
  }
  if (status === 'delayed') return { tone: 'delayed', text: [also(words.behind)] };
  if (phase === 'scheduled') return { tone: 'waiting', text: [words.notOpen] };
  if (phase === 'closed') {
    return { tone: 'waiting', text: [waiting ? also(words.closed) : words.completing] };
  }
  if (waiting) return { tone: 'live', text: [also(words.live)] };
  return { tone: 'live', text: [turnout === 0 ? words.waiting : words.live] };
}

function times({ phase, opensAt, closesAt }: Tally, { times: words }: Words): Sentence | undefined {
  const isOver = phase === 'closed' || phase === 'final';
  if (phase === 'scheduled' && opensAt !== null) return words.opens(opensAt);
  if (closesAt === null) return isOver ? [words.isClosed] : undefined;
  return isOver ? words.closed(closesAt) : words.closes(closesAt);
}

/** Whole percentages, unless two options that differ would then look like a tie. */
function digitsFor({ options, turnout }: Tally): 0 | 1 {
  const counts = new Set(options.map(({ votes }) => votes ?? 0));
  const shown = new Set([...counts].map((votes) => Math.round((votes / turnout) * 100)));
  // Of many options some are always close to each other, and nobody takes that for a tie.
  return options.length <= 4 && shown.size < counts.size ? 1 : 0;
}

/** Never "0%" for somebody or "100%" for not everybody. */
function share(votes: number, voters: number, digits: 0 | 1, { writing }: Words): string {
  const percent = (votes / voters) * 100;
  if (percent > 0 && percent < 1) return `<${writing.percent(1)}`;
  if (percent > 99 && percent < 100) return `>${writing.percent(99)}`;
  return writing.percent(percent, digits);
}
