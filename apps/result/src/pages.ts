import { fileURLToPath } from 'node:url';
import type { Phase } from '@hbf/contracts/poll';
import type { Tally } from '@hbf/contracts/tally';
import { Eta } from 'eta';
import type { ReceiptWords } from './receipt-words.ts';
import { viewTally, writeTime } from './tally-view.ts';

const eta = new Eta({ views: fileURLToPath(new URL('../views', import.meta.url)), cache: true });

/** The page of a poll: everything is in it, so that it works without any script. @param page.others the other polls, to be linked. */
export function renderPoll(page: {
  tally: Tally;
  others: { key: string; question: string; phase: Phase }[];
  voteUrl: string | undefined;
}): string {
  const vote = page.voteUrl && `${page.voteUrl}/p/${page.tally.poll}`;
  return eta.render('poll', { ...page, vote, view: viewTally(page.tally), writeTime: utc });
}

/** A receipt's state. @param poll where the ballot was cast, if that poll is known here. */
export function renderReceipt(page: {
  words: ReceiptWords;
  poll: { key: string; question: string } | undefined;
}): string {
  return eta.render('receipt', page);
}

/** A page that says one thing. @param page.retryAfter seconds after which it loads itself again. */
export function renderMessage(page: {
  title: string;
  text: string;
  retryAfter?: number | undefined;
}): string {
  return eta.render('message', page);
}

/** The server does not know where the reader is; the browser code writes the times anew. */
function utc(iso: string): string {
  return writeTime(iso, 'UTC');
}
