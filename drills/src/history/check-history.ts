import { check } from './check.ts';
import type { FinalState, HistoryEvent } from './events.ts';
import type { RuleName, Violation } from './violation.ts';

/** The rules that accuse by the history alone. Without a final state they may find less than they would, never more. */
const BY_HISTORY: ReadonlySet<RuleName> = new Set([
  'live-is-recording',
  'cut-off-is-told',
  'drift-is-loss',
  'pages-show-what-was-sent',
  'stopped-accepts-nothing',
]);

const NOTHING_KNOWN: FinalState = {
  ballots: [],
  tallies: [],
  voters: {},
  receipts: {},
  partitions: [],
  recount: { code: null, output: '' },
  ownedPartitions: 0,
  pages: [],
  deaths: [],
};

/** What can be said of a drill that did not come to its end: every promise that was broken before it failed, as far as seen. */
export function checkHistoryAlone(history: readonly HistoryEvent[]): Violation[] {
  return check(history, NOTHING_KNOWN).filter(({ rule }) => BY_HISTORY.has(rule));
}
