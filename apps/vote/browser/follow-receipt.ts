import type { ReceiptStatus } from '@hbf/contracts/tally';

/** What a voter reads about each state. */
export const STATE_WORDS: Record<ReceiptStatus['status'], string> = {
  queued: 'It is safe, and on its way to the tally.',
  counted: 'It is counted.',
  superseded: 'A later ballot of yours has taken its place.',
  rejected: 'It could not be counted. Your receipt says why.',
  lost: 'It was lost after it was accepted. Your receipt says more.',
};

const FIRST_WAIT_MS = 150;
const LONGEST_WAIT_MS = 5_000;
const GIVE_UP_AFTER_MS = 60_000;

/**
 * Asks what has become of a ballot until it is no longer queued, less and less often, for up to a minute.
 *
 * @param ask fails or answers undefined where no answer can be had; it is asked again then.
 * @param show is told whenever what there is to say changes.
 */
export async function followReceipt(
  ask: () => Promise<ReceiptStatus | undefined>,
  show: (status: ReceiptStatus['status'], words: string) => void,
  wait: (milliseconds: number) => Promise<void>,
): Promise<void> {
  let shown: ReceiptStatus['status'] | undefined;
  let waited = 0;
  for (let pause = FIRST_WAIT_MS; waited < GIVE_UP_AFTER_MS; pause = Math.min(pause * 1.5, LONGEST_WAIT_MS)) {
    const answer = await ask().catch(() => undefined);
    const status = answer?.status;
    if (status && status !== shown && Object.hasOwn(STATE_WORDS, status)) {
      show(status, STATE_WORDS[status]);
      shown = status;
    }
    if (status && status !== 'queued') return;
    await wait(pause);
    waited += pause;
  }
}
