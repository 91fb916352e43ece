import { PROBLEM_TITLES } from '@hbf/contracts/problem-titles';
import type { ReceiptStatus } from '@hbf/contracts/tally';
import { createWriting, type Sentence } from '@hbf/page-kit/writing';

const writing = createWriting('en-GB');

const votes = (count: number) => writing.count(count, 'vote', 'votes');
const voters = (count: number) => writing.count(count, 'voter', 'voters');

/** Everything that a watcher reads in English. */
export const en = {
  writing,
  tagline: 'Live voting that can be trusted: an accepted ballot is counted exactly once.',
  language: 'Language',

  results: 'Results',
  votes,
  voters,
  noBallotsYet: 'No ballots yet',
  noBallotsCast: 'No ballots were cast',

  // The name comes last: where the line is too short for it, nothing else is cut.
  leads: (label: string, by: number): Sentence => [`Ahead by ${votes(by)}: `, { strong: label }],
  outcome: (label: string): Sentence => ['Most votes: ', { strong: label }],
  nobodyLeads: 'Nobody is ahead yet',
  noOutcome: 'No outcome: nobody voted',
  tie: (labels: readonly string[]): Sentence => ['A tie: ', ...writing.list(labels)],

  hidden: {
    untilCertain: 'The votes are shown as soon as it is certain that no more ballots are accepted.',
    untilClose: (time: string): Sentence => ['The votes are shown once voting closes: ', { time }],
    untilClosed: 'The votes are shown once voting closes',
  },

  freshness: {
    final: 'Final: every ballot is counted',
    onTheirWay: (count: number) =>
      `${writing.count(count, 'ballot', 'ballots')} on ${count === 1 ? 'its' : 'their'} way`,
    kept: 'Accepted ballots will be counted.',
    notStarted: 'Counting has not started yet',
    notFullyStarted: 'Counting has not fully started yet',
    stoppedSince: (time: string): Sentence => ['Counting has stopped since ', { time }],
    behind: 'Counting is behind',
    notOpen: 'Voting has not opened yet',
    closed: 'Voting is closed',
    completing: 'Voting is closed: completing the count',
    live: 'Live',
    waiting: 'Live: waiting for the first ballot',
    and: (state: string, more: string) => `${state}: ${more}`,
    silent: (seconds: number) =>
      `No news from the server for ${seconds < 90 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`}: what you see may be old`,
    unattended: 'This page does not move by itself here. Load it again to see how things stand.',
  },

  times: {
    opens: (time: string): Sentence => ['Voting opens: ', { time }],
    closes: (time: string): Sentence => ['Voting closes: ', { time }],
    closed: (time: string): Sentence => ['Voting closed: ', { time }],
    isClosed: 'Voting is closed',
  },

  vote: 'Vote',
  toVotePage: 'Go to the vote page',

  table: { option: 'Option', votes: 'Votes', share: 'Share of the voters', hidden: 'not shown yet' },
  overTime: 'Turnout over time',
  overTimeSays: (from: string, to: string, count: number) =>
    `Turnout over time: from ${from} to ${to} it came to ${voters(count)}`,

  projector: 'Projector view',
  leave: 'Leave',
  fullScreen: 'Full screen',
  theme: 'Light or dark',
  previous: 'Previous poll',
  next: 'Next poll',
  keysOn: 'Keys: on',
  keysOff: 'Keys: off',
  scan: 'Scan to vote',
  qr: (address: string) => `QR code of the address ${address}`,
  thisMachine:
    'This page was opened on the computer itself, by an address that no phone can reach. Phones in the same network vote at:',
  thisMachineAlone:
    'This page was opened on the computer itself, by an address that no phone can reach. Open it by the name or address that the computer has in your network.',
  noAddress: 'The address for voting is not known here.',

  otherPolls: 'Other polls',
  allPolls: 'All results',
  phases: { scheduled: 'not open yet', open: 'open', closed: 'closed', final: 'final' },
  toResults: 'Results',
  resultsOf: (question: string) => `Results: ${question}`,

  receipt: 'Receipt',
  receiptSays: 'A receipt never says what was chosen.',
  receipts: {
    queued: {
      title: 'Your ballot is on its way',
      text: () =>
        'It was accepted and is kept safely. It will be counted in a moment; this page looks again by itself.',
    },
    counted: { title: 'Your ballot is counted', text: () => 'It is in the tally, once.' },
    superseded: {
      title: 'You cast a later ballot',
      text: () =>
        'That later ballot has taken the place of this one: each voter counts once, and the last ballot wins.',
    },
    rejected: {
      title: 'Your ballot could not be recorded',
      text: (reason: string | undefined) =>
        `It was accepted, but then rejected, and it is kept with the reason: ${reason ?? 'unknown'}.`,
    },
    lost: {
      title: 'Your ballot was lost',
      text: () =>
        'It was accepted, but it was gone when it was to be counted. Vote again if the poll is still open, and tell its host.',
    },
  } satisfies Record<
    ReceiptStatus['status'],
    { title: string; text: (reason: string | undefined) => string }
  >,

  problems: PROBLEM_TITLES.en,
  messages: {
    unknownPoll: 'Check the address, or see the polls that there are.',
    unknownReceipt: 'Check that you copied the whole receipt.',
    noTallyYet: 'There is no tally to show yet. This page tries again by itself.',
    noReceiptNow: 'We cannot look your ballot up right now. This page tries again by itself.',
    nothingHere: 'Check the address.',
    failed: 'The failure was logged. Try again.',
  },
};
