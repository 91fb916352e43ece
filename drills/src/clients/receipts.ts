import type { Agent } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { ReceiptStatus } from '@hbf/contracts/tally';
import type { FinalState } from '../history/events.ts';
import { exchange } from './http.ts';

/** Receipts that are asked after at a time: result has few connections to look them up with. */
const AT_A_TIME = 16;
/** After one look-up that was too slow, result looks nothing up for half a second. */
const ASK_AGAIN_MS = 600;
const MOST_TRIES = 20;

type State = FinalState['receipts'][string];

/**
 * Asks result what has become of each receipt, spread over its replicas.
 * @throws if it does not tell within some 20 tries.
 */
export async function askReceipts(
  urls: readonly string[],
  receipts: readonly string[],
  agent: Agent,
): Promise<FinalState['receipts']> {
  const states: FinalState['receipts'] = {};
  let next = 0;
  const ask = async (): Promise<void> => {
    while (next < receipts.length) {
      const number = next++;
      const receipt = receipts[number]!;
      states[receipt] = await askReceipt(urls, number, receipt, agent);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, ask));
  return states;
}

async function askReceipt(
  urls: readonly string[],
  number: number,
  receipt: string,
  agent: Agent,
): Promise<State> {
  let answer = '';
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    if (tries > 0) await wait(ASK_AGAIN_MS);
    const url = urls[(number + tries) % urls.length]!;
    const got = await exchange(`${url}/api/receipts/${receipt}`, { agent, timeoutMs: 5_000 });
    if (got.outcome === 'answered' && got.status === 200) {
      return (JSON.parse(got.text) as ReceiptStatus).status;
    }
    if (got.outcome === 'answered' && got.status === 404) return 'unknown-receipt';
    answer = got.outcome === 'answered' ? `${got.status} ${got.text}` : got.code;
  }
  throw new Error(`result does not tell of the receipt ${receipt}: ${answer}`);
}
