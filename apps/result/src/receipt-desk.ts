import type { ReceiptStatus } from '@hbf/contracts/tally';
import { type Receipt, readReceipt } from '@hbf/receipt/receipt';
import type { Keyring } from '@hbf/service-kit/keyring';
import type { Logger } from '@hbf/service-kit/logger';

/** A look-up that takes longer (ms) is answered "unavailable": a promise of 200 ms leaves no room to wait on. */
const DEADLINE_MS = 140;
/**
 * After a second failed look-up in a row (ms) the next ones are answered "unavailable" at once: they would only wait in
 * vain. One slow look-up alone says nothing about the next.
 */
const REST_MS = 500;

/** What can be said of a receipt. */
export type ReceiptAnswer =
  | { kind: 'known'; poll: string; status: ReceiptStatus }
  /** Not written with one of our keys. */
  | { kind: 'unknown' }
  /** It is ours, but the store did not answer in time. */
  | { kind: 'unavailable' };

export type ReceiptDesk = { lookUp(text: string): Promise<ReceiptAnswer> };

/** @param deps.find looks a ballot up; it must end by itself, since the desk only stops waiting for it. */
export function createReceiptDesk(deps: {
  keyring: Keyring;
  find: (receipt: Receipt) => Promise<ReceiptStatus>;
  log: Pick<Logger, 'info' | 'warn'>;
}): ReceiptDesk {
  let restUntil = Number.NEGATIVE_INFINITY;
  let failing = false;
  return {
    async lookUp(text) {
      const receipt = readReceipt(deps.keyring, text);
      if (!receipt) return { kind: 'unknown' };
      if (performance.now() < restUntil) return { kind: 'unavailable' };
      try {
        const status = await within(DEADLINE_MS, deps.find(receipt));
        if (failing) deps.log.info('receipts can be looked up again');
        failing = false;
        return { kind: 'known', poll: receipt.poll, status };
      } catch (error) {
        if (failing) restUntil = performance.now() + REST_MS;
        if (!failing) deps.log.warn({ err: error }, 'receipts cannot be looked up');
        failing = true;
        return { kind: 'unavailable' };
      }
    },
  };
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
