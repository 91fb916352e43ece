import { askAgain, pageLanguage, tidyAddress, writeTimesLocally } from '@hbf/page-kit/browser/page';
import { wordsIn } from '../src/words/words.ts';
import { offerCopy } from './copy-receipt.ts';
import { countChoices } from './count-choices.ts';
import { countDown } from './count-down.ts';
import { followReceipt } from './follow-receipt.ts';
import { releaseAfter } from './release-after.ts';
import { sendBallots } from './send-ballots.ts';

const RECEIPT_ANSWER_WITHIN_MS = 5_000;

const words = wordsIn(pageLanguage());

/** Brings a page's main part to life: the page works without, this makes it pleasant. */
function enliven(main: ParentNode): void {
  writeTimesLocally(main, words.writing);
  for (const element of main.querySelectorAll<HTMLElement>('[data-until]')) countDown(element);
  for (const output of main.querySelectorAll<HTMLOutputElement>('[data-count]')) countChoices(output, words);
  for (const button of main.querySelectorAll<HTMLButtonElement>('[data-after]')) releaseAfter(button);
  for (const button of main.querySelectorAll<HTMLButtonElement>('[data-copy]')) offerCopy(button);
  const state = main.querySelector<HTMLElement>('[data-receipt]');
  askAgain(enliven);
  if (state) void follow(state, state.dataset.receipt!);
}

async function follow(state: HTMLElement, url: string): Promise<void> {
  await followReceipt(
    async () => {
      const answer = await fetch(url, {
        credentials: 'omit',
        cache: 'no-store',
        signal: AbortSignal.timeout(RECEIPT_ANSWER_WITHIN_MS),
      });
      return answer.ok ? answer.json() : undefined;
    },
    (status) => {
      state.dataset.state = status;
      state.textContent = words.states[status];
    },
    (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    // Another ballot has taken this one's place on the page.
    () => state.isConnected,
  );
}

tidyAddress();
sendBallots(enliven);
enliven(document);
