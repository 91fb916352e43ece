import type { FinalState, HistoryEvent } from './events.ts';
import { sortOut } from './evidence.ts';
import { checkAccounts } from './rules/accounts.ts';
import { checkBooks } from './rules/books.ts';
import { checkChoices } from './rules/choices.ts';
import { checkClosings } from './rules/closings.ts';
import { checkDeclarations } from './rules/declarations.ts';
import { checkFinalPages } from './rules/final-pages.ts';
import { checkHistory } from './rules/history.ts';
import { checkLivePages } from './rules/live-pages.ts';
import { checkReceipts } from './rules/receipts.ts';
import { checkServices } from './rules/services.ts';
import { checkShown } from './rules/shown.ts';
import { checkTallies } from './rules/tallies.ts';
import type { Violation } from './violation.ts';

const PARTS = [
  checkHistory,
  checkChoices,
  checkTallies,
  checkReceipts,
  checkFinalPages,
  checkLivePages,
  checkShown,
  checkClosings,
  checkAccounts,
  checkBooks,
  checkDeclarations,
  checkServices,
];

/**
 * Holds a whole history against what the system ended up with, once everything is healed and nothing is queued.
 * Takes time in proportion to the history.
 * @returns every broken promise; none if all were kept.
 */
export function check(history: readonly HistoryEvent[], final: FinalState): Violation[] {
  const evidence = sortOut(history, final);
  return PARTS.flatMap((part) => part(evidence));
}
