import type { ReceiptStatus } from '@hbf/contracts/tally';

type State = ReceiptStatus['status'];

const STATES: readonly State[] = ['queued', 'counted', 'superseded', 'rejected', 'lost'];
const FIRST_WAIT_MS = 150;
const LONGEST_WAIT_MS = 5_000;
/** After so long (ms) something is wrong that takes longer to mend: it is asked seldom then. */
const PATIENT_AFTER_MS = 60_000;
const PATIENT_WAIT_MS = 30_000;
const GIVE_UP_AFTER_MS = 60 * 60_000;

/**
 * Asks what has become of a ballot until it is no longer queued, less and less often, for up to an hour.
 *
 * @param ask fails or answers undefined where no answer can be had; it is asked again then.
 * @param show is told whenever the state changes.
 * @param isWanted whether anybody still looks.
 */
export async function followReceipt(
  ask: () => Promise<ReceiptStatus | undefined>,
  show: (state: State) => void,
  wait: (milliseconds: number) => Promise<void>,
  isWanted: () => boolean = () => true,
): Promise<void> {
  let shown: State | undefined;
  let waited = 0;
  for (let pause = FIRST_WAIT_MS; waited < GIVE_UP_AFTER_MS; pause = Math.min(pause * 1.5, LONGEST_WAIT_MS)) {
    const answer = await ask().catch(() => undefined);
    if (!isWanted()) return;
    const status = answer?.status;
    if (status && status !== shown && STATES.includes(status)) {
      show(status);
      shown = status;
    }
    if (status && status !== 'queued') return;
    const next = waited < PATIENT_AFTER_MS ? pause : PATIENT_WAIT_MS;
    await wait(next);
    waited += next;
  }
}
