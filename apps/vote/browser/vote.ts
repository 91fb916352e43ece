import {
  askAgain,
  fetchPage,
  pageLanguage,
  showPage,
  tidyAddress,
  writeTimesLocally,
} from '@hbf/page-kit/browser/page';
import { wordsIn } from '../src/words/words.ts';
import { offerCopy } from './copy-receipt.ts';
import { countChoices } from './count-choices.ts';
import { countDown } from './count-down.ts';
import { followReceipt } from './follow-receipt.ts';
import { releaseAfter } from './release-after.ts';
import { sendBallots } from './send-ballots.ts';

const ANSWER_WITHIN_MS = 5_000;

const words = wordsIn(pageLanguage());

/** Brings a page's main part to life: the page works without, this makes it pleasant. */
function enliven(main: ParentNode): void {
  writeTimesLocally(main, words.writing);
  for (const element of main.querySelectorAll<HTMLElement>('[data-until]')) {
    countDown(element, comeBack);
  }
  for (const output of main.querySelectorAll<HTMLOutputElement>('[data-count]')) countChoices(output, words);
  for (const button of main.querySelectorAll<HTMLButtonElement>('[data-after]')) releaseAfter(button);
  for (const button of main.querySelectorAll<HTMLButtonElement>('[data-copy]')) offerCopy(button);
  const state = main.querySelector<HTMLElement>('[data-receipt]');
  askAgain(enliven);
  if (state) void follow(state, state.dataset.receipt!);
}

/** Shows the page as it is now; if there is no answer, tries again. */
async function comeBack(): Promise<void> {
  const page = await fetchPage(location.pathname, {}, ANSWER_WITHIN_MS);
  if (page) enliven(showPage(page));
  else setTimeout(comeBack, ANSWER_WITHIN_MS);
}

async function follow(state: HTMLElement, url: string): Promise<void> {
  await followReceipt(
    async () => {
      const answer = await fetch(url, {
        credentials: 'omit',
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      return answer.ok ? answer.json() : undefined;
    },
    (status) => {
      const own = state.closest<HTMLElement>('.own')!;
      own.dataset.state = status;
      own.querySelector('[role="status"]')!.textContent = words.states[status];
      // It does not count: voting again is the next step.
      const change = document.querySelector<HTMLDetailsElement>('.change');
      if (change && (status === 'rejected' || status === 'lost')) change.open = true;
    },
    (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    // Another ballot has taken this one's place on the page.
    () => state.isConnected,
  );
}

tidyAddress();
sendBallots(enliven);
enliven(document);
