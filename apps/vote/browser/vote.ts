import { writeTime } from '../src/write-time.ts';
import { followReceipt } from './follow-receipt.ts';

const ANSWER_WITHIN_MS = 5_000;

for (const time of document.querySelectorAll<HTMLTimeElement>('time')) {
  time.textContent = writeTime(time.dateTime, undefined);
}

const state = document.querySelector<HTMLElement>('[data-receipt]');
const url = state?.dataset.receipt;

if (state && url) {
  void followReceipt(
    async () => {
      const answer = await fetch(url, {
        credentials: 'omit',
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      return answer.ok ? answer.json() : undefined;
    },
    (status, words) => {
      state.dataset.state = status;
      state.textContent = words;
    },
    (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  );
}
