import type { ReceiptStatus } from '@hbf/contracts/tally';
import type { Words } from './words/words.ts';

/** The state of a receipt in words, for a person. */
export type ReceiptWords = { title: string; text: string; tone: 'good' | 'waiting' | 'bad' };

const TONES: Record<ReceiptStatus['status'], ReceiptWords['tone']> = {
  queued: 'waiting',
  counted: 'good',
  superseded: 'good',
  rejected: 'bad',
  lost: 'bad',
};

export function wordsOfReceipt({ status, reason }: ReceiptStatus, words: Words): ReceiptWords {
  const { title, text } = words.receipts[status];
  return { title, text: text(reason), tone: TONES[status] };
}
