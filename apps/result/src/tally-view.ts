/**
 * A tally in words and widths: what the page shows. Pure, and safe in a browser: the server renders a page with it and
 * the browser renders each change with it, so both always say the same.
 */
import type { Tally } from '@hbf/contracts/tally';

/** Text with moments in it; each reader's own clock tells how to write those. */
export type Sentence = (string | { time: string })[];

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
  }[];
  /** "37 voters", or that there is no ballot yet. */
  turnout: string;
  /** The outcome, once it is certain. */
  verdict: string | undefined;
  /** Why there are no votes to see, and when there will be. */
  hidden: Sentence | undefined;
  /** How current this is. */
  freshness: { tone: 'live' | 'waiting' | 'delayed' | 'stale' | 'final'; text: Sentence };
  /** When voting opens or closes. */
  times: Sentence | undefined;
  /** What the link to the vote page says. */
  voteLink: string;
};

export function viewTally(tally: Tally): TallyView {
  const hidden = tally.options.some(({ votes }) => votes === null);
  return {
    rows: tally.options.map(({ key, label, votes }) => ({
      key,
      label,
      votes: votes === null ? '' : count(votes, 'vote'),
      share: votes === null || tally.turnout === 0 ? '' : share(votes, tally.turnout),
      width: votes === null || tally.turnout === 0 ? 0 : Math.round((votes / tally.turnout) * 10_000) / 100,
    })),
    turnout: tally.turnout === 0 ? nobody(tally) : count(tally.turnout, 'voter'),
    verdict: hidden ? undefined : verdict(tally),
    hidden: hidden ? hiddenUntil(tally) : undefined,
    freshness: freshness(tally),
    times: times(tally),
    voteLink: tally.phase === 'open' ? 'Vote' : 'Go to the vote page',
  };
}

function nobody({ phase }: Tally): string {
  return phase === 'final' ? 'No ballots were cast' : 'No ballots yet';
}

/** Only a final poll has an outcome: until then ballots may still be on their way. */
function verdict({ phase, options, turnout }: Tally): string | undefined {
  if (phase !== 'final' || turnout === 0) return undefined;
  const most = Math.max(...options.map(({ votes }) => votes ?? 0));
  const first = options.filter(({ votes }) => votes === most).map(({ label }) => label);
  return first.length === 1 ? `Most votes: ${first[0]}` : `A tie: ${list(first)}`;
}

function hiddenUntil({ closesAt, phase }: Tally): Sentence {
  // A moment after the clock says so; while no worker runs, once one does.
  if (phase === 'closed') {
    return ['The votes are shown as soon as it is certain that no more ballots are accepted.'];
  }
  return closesAt === null
    ? ['The votes are shown once voting closes.']
    : ['The votes are shown once voting closes: ', { time: closesAt }];
}

function freshness({ phase, status, queued, asOf, turnout }: Tally): TallyView['freshness'] {
  if (phase === 'final') return { tone: 'final', text: ['Final: every ballot is counted'] };
  const waiting = queued === 0 ? '' : `${count(queued, 'ballot')} on ${queued === 1 ? 'its' : 'their'} way`;
  if (status === 'stale') {
    // How many are queued is not known: the last number is as old as the tally.
    const kept = phase === 'scheduled' ? '' : '. Accepted ballots are kept and will be counted.';
    // A part of it that never reported promises nothing, which is written as 1970.
    if (Date.parse(asOf) === 0) {
      return { tone: 'stale', text: [`Counting has not ${turnout === 0 ? '' : 'fully '}started yet${kept}`] };
    }
    return { tone: 'stale', text: ['Counting has stopped since ', { time: asOf }, kept] };
  }
  if (status === 'delayed') {
    return { tone: 'delayed', text: [waiting ? `Counting is behind: ${waiting}` : 'Counting is behind'] };
  }
  if (phase === 'scheduled') return { tone: 'waiting', text: ['Voting has not opened yet'] };
  if (phase === 'closed') {
    return {
      tone: 'waiting',
      text: [waiting ? `Voting is closed: ${waiting}` : 'Voting is closed: completing the count'],
    };
  }
  if (waiting) return { tone: 'live', text: [`Live: ${waiting}`] };
  return { tone: 'live', text: [turnout === 0 ? 'Live: waiting for the first ballot' : 'Live'] };
}

function times({ phase, opensAt, closesAt }: Tally): Sentence | undefined {
  if (phase === 'scheduled' && opensAt !== null) return ['Voting opens: ', { time: opensAt }];
  if (closesAt === null) return phase === 'closed' || phase === 'final' ? ['Voting is closed'] : undefined;
  return [
    phase === 'closed' || phase === 'final' ? 'Voting closed: ' : 'Voting closes: ',
    { time: closesAt },
  ];
}

/** Never "0%" for somebody or "100%" for not everybody. */
function share(votes: number, voters: number): string {
  const percent = (votes / voters) * 100;
  if (percent > 0 && percent < 1) return '<1%';
  if (percent > 99 && percent < 100) return '>99%';
  return `${Math.round(percent)}%`;
}

const numbers = new Intl.NumberFormat('en');

function count(number: number, noun: string): string {
  return `${numbers.format(number)} ${noun}${number === 1 ? '' : 's'}`;
}

function list(labels: string[]): string {
  return labels.length < 3 ? labels.join(' and ') : `${labels.slice(0, -1).join(', ')} and ${labels.at(-1)}`;
}

/**
 * Writes a moment: the hour if it is of today, else with its date.
 * @param zone the reader's own if undefined (in a browser); a given one is named.
 */
export function writeTime(iso: string, zone: string | undefined, now = Date.now()): string {
  const named = zone === undefined ? {} : { timeZone: zone };
  const day = new Intl.DateTimeFormat('en-GB', { ...named, dateStyle: 'medium' });
  const hour = new Intl.DateTimeFormat('en-GB', {
    ...named,
    hour: '2-digit',
    minute: '2-digit',
    ...(zone !== undefined && { timeZoneName: 'short' }),
  });
  const moment = Date.parse(iso);
  const time = hour.format(moment);
  return day.format(moment) === day.format(now) ? time : `${day.format(moment)}, ${time}`;
}
