import type { Receipt } from '@hbf/receipt/receipt';

/** Where a ballot is in its partition: a later one's is greater, as text. */
export type Position = string;

const DIGITS = 20;

export function positionOf({ entryId, index }: Receipt): Position {
  const numbers = [...entryId.split('-'), String(index)];
  return numbers.map((number) => number.padStart(DIGITS, '0')).join('-');
}
