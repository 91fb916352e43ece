import type { ReceiptStatus } from '@hbf/contracts/tally';

/** The state of a receipt in words, for a person. */
export type ReceiptWords = { title: string; text: string; tone: 'good' | 'waiting' | 'bad' };

export function wordsOfReceipt({ status, reason }: ReceiptStatus): ReceiptWords {
  switch (status) {
    case 'queued':
      return {
        title: 'Your ballot is on its way',
        text: 'It was accepted and is kept safely. It will be counted in a moment; this page looks again by itself.',
        tone: 'waiting',
      };
    case 'counted':
      return { title: 'Your ballot is counted', text: 'It is in the tally, once.', tone: 'good' };
    case 'superseded':
      return {
        title: 'You cast a later ballot',
        text: 'That later ballot has taken the place of this one: each voter counts once, and the last ballot wins.',
        tone: 'good',
      };
    case 'rejected':
      return {
        title: 'Your ballot could not be recorded',
        text: `It was accepted, but then rejected, and it is kept with the reason: ${reason ?? 'unknown'}.`,
        tone: 'bad',
      };
    case 'lost':
      return {
        title: 'Your ballot was lost',
        text: reason ?? 'It was accepted, but it cannot be found.',
        tone: 'bad',
      };
  }
}
