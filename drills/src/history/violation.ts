/** What the checker holds a history against, and what each rule means in one line. */
export const RULES = {
  'history-is-whole':
    'The history itself makes sense: every answer has its ballot, and every accepted voter is known.',
  'last-ok-counts':
    'What counts of a voter is the last accepted ballot, or an unknown one that may come after it.',
  'one-ballot-a-voter': 'A voter has one ballot in a poll.',
  'tally-is-recount': 'Votes and turnout are those of the ballots, and "worker recount" agrees.',
  'counted-was-sent': 'Nothing counts that was never sent.',
  'unknown-once': 'An unconfirmed ballot counts once or not at all, and never after a later accepted one.',
  'failed-never-counts': 'A ballot that was surely not accepted does not count.',
  'receipts-agree': 'Every receipt says what became of its ballot.',
  'pages-agree': 'In the end every page shows the stored tally, and that it is live.',
  'live-is-recording': 'No page shows "live" while nothing is recorded.',
  'cut-off-is-told':
    'A page that hears nothing, or whose result reads nothing, does not show "live" for more than 6 s.',
  'live-is-complete': 'A page that shows "live" counts everybody whose ballot was accepted a while ago.',
  'pages-show-what-was-sent':
    'No page shows more voters than have sent a ballot by then, more votes for an option than voters who have sent it, or votes that so many voters cannot have.',
  'closed-is-final':
    'Nothing is accepted in a poll that is closed; its pages say final, and then nothing changes on them.',
  'nothing-is-missing':
    'The drift is 0, in the end and wherever the drill waited for that, and every accepted ballot is accounted for.',
  'drift-is-loss':
    'At no moment is the drift of a partition other than 0, but by ballots of its own that a fault made Redis lose, and by no more, until they are acknowledged.',
  'lost-is-declared': 'Ballots are lost only where a fault makes Redis lose them, and then they are missed.',
  'rejected-is-poison': 'Ballots are rejected only where a fault makes PostgreSQL refuse them.',
  'foreign-is-declared': 'The entries put in by hand are found, and no others.',
  'all-owned': 'Every partition has one owner.',
  'no-deaths': 'No service ended by itself.',
  'stopped-accepts-nothing': 'Nothing is accepted while nothing can be.',
} as const satisfies Record<string, string>;

export type RuleName = keyof typeof RULES;

/** A broken promise, in words that lead to the ballot, the page or the partition. */
export type Violation = { rule: RuleName; what: string };
