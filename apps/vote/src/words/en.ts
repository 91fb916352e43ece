import { PROBLEM_TITLES } from '@hbf/contracts/problem-titles';
import { createWriting, type Sentence } from '@hbf/page-kit/writing';

const writing = createWriting('en-GB');

function seconds(count: number): string {
  return count <= 90 ? writing.count(count, 'second', 'seconds') : `${Math.ceil(count / 60)} minutes`;
}

const NOT_ACCEPTED = 'The ballot was not accepted and does not count.';

/** Everything that a voter reads in English. The API speaks it too. */
export const en = {
  writing,
  tagline: 'Live voting that can be trusted: an accepted ballot is counted exactly once.',
  language: 'Language',

  choose({ min, max }: { min: number; max: number }, options: number): string {
    if (max === 1) return 'Choose one';
    if (min === max) return `Choose ${min}`;
    if (min > 1) return `Choose ${min} to ${max}`;
    return max === options ? 'Choose as many as you like' : `Choose up to ${max}`;
  },
  oneTap: {
    browser: 'One tap, and you have voted. You can change it later.',
    open: 'One tap, and you have voted.',
  },
  vote: 'Vote',
  chosen: (count: number, max: number) => `${count} of ${max} chosen`,
  yourChoice: 'your choice',
  tryAgain: 'Try again',
  changeVote: 'Change my vote',
  castAnother: 'Cast another ballot',

  accepted: 'Your ballot was accepted',
  youChose: (labels: readonly string[]): Sentence => ['You chose ', ...writing.list(labels), '.'],
  safe: 'It is safe with us.',
  seeWhere: 'See where it is',
  states: {
    queued: 'It is safe, and on its way to the tally.',
    counted: 'It is counted.',
    superseded: 'A later ballot of yours has taken its place.',
    rejected: 'It could not be counted. Your receipt says why.',
    lost: 'It was lost after it was accepted. Your receipt says more.',
  },
  receipt: 'Your receipt',
  receiptSays: 'It shows whether your ballot counts, never what you chose. Keep it if you like.',
  lookUp: 'Look it up',
  copy: 'Copy',
  copied: 'Copied',
  watch: 'Watch the result',

  closedTitle: 'This poll is closed',
  closedSince: (time: string): Sentence => [
    'Voting closed: ',
    { time },
    { line: 'Ballots are no longer accepted.' },
  ],
  closedNow: 'Ballots are no longer accepted.',
  scheduledTitle: 'This poll is not open yet',
  opensAt: (time: string): Sentence => [
    'Voting opens: ',
    { time },
    { line: 'You will then choose among these:' },
  ],
  opensIn: 'Voting opens in',
  closesAt: (time: string): Sentence => ['Voting closes: ', { time }],
  closesIn: 'Voting closes in',
  hiddenUntilClose: 'The votes are shown after the poll has closed.',

  eligibility: {
    browser: {
      rule: 'One vote per browser.',
      limits:
        'A signed cookie tells browsers apart; your last ballot counts. This cannot stop somebody who votes again from another browser, another device or a private window.',
    },
    open: {
      rule: 'Open to everybody, as often as they like.',
      limits:
        "Nobody is told apart: each ballot counts as another voter's. This cannot stop one person from voting many times, so take the result as a show of hands.",
    },
  },

  otherPolls: 'Other polls',
  allPolls: 'All polls',
  phases: { scheduled: 'not open yet', open: 'open', closed: 'closed' },
  firstPoll: 'Go to the first poll',
  thisPoll: "Go to the poll's page",

  noAnswerTitle: 'We could not confirm your ballot',
  noAnswer: 'No answer came: the connection may be down. Send your choice again; it cannot count twice.',

  problems: PROBLEM_TITLES.en,
  refusals: {
    closed: 'This poll is closed: the ballot was not accepted and does not count.',
    notYetOpen: 'This poll is not open yet: the ballot was not accepted and does not count.',
    notAccepted: `${NOT_ACCEPTED} Try again in a moment.`,
    unconfirmed: 'We could not confirm your ballot. Try again; it cannot count twice.',
    unconfirmedWithoutKey:
      'We could not confirm your ballot: it may count. It came without an Idempotency-Key, so a second try would be ' +
      "another voter's ballot, and both may count. Send a key of your own with each ballot to try again safely.",
    mayCount: 'We could not confirm your ballot: it may count. Try again; it cannot count twice.',
    unknownChoice: 'This poll does not have one of the chosen options. Choose among those that it shows.',
    repeatedChoice: 'One option was chosen twice. Choose each at most once.',
    tooFew: (min: number) =>
      min === 1 ? 'Nothing was chosen. Choose an option.' : `Choose at least ${min} options.`,
    tooMany: (max: number) => (max === 1 ? 'Choose one option only.' : `Choose at most ${max} options.`),
    voterTooFast: (wait: number, withinHour: boolean) =>
      `You have voted many times within ${withinHour ? 'an hour' : 'a minute'}. ${NOT_ACCEPTED} Try again in ${seconds(wait)}.`,
    networkTooFast: (wait: number) =>
      `Very many ballots have just come from the network that you are in, yours or others'. ${NOT_ACCEPTED} Try again in ${seconds(wait)}.`,
    unknownPoll: 'There is no poll with this key. Check the address.',
    unavailable:
      'The polls are not known here yet: voting is starting, or its store is away. Try again in a moment.',
    otherSite:
      "The ballot was sent by another site's page and was not accepted. Vote on this site's own page.",
    noVoter:
      'This poll counts one vote per browser, and knows the browser by a cookie that comes with the page. ' +
      'Open the page, allow its cookie, and vote there. Nothing was counted.',
    notOurForm: 'The form was not sent as this page made it. Open the page again.',
    nothingHere: 'There is nothing at this address.',
    tooLarge: 'The request is larger than 4096 bytes, more than any ballot needs.',
    wrongType: 'The content type must be the one of this address, in UTF-8 and not compressed.',
    unreadable: 'The request cannot be read. Check how it is written.',
    internal: (requestId: string) => `If it goes on, tell the host this number: ${requestId}`,
  },
};
