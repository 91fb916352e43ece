/** The id before every other; a partition starts there. */
export const FIRST_POSITION = '0-0';

/** Orders two entry ids (`<ms>-<seq>`, each up to 64 bits). @returns negative, 0 or positive. */
export function compareEntryIds(a: string, b: string): number {
  const [aMs, aSeq] = split(a);
  const [bMs, bSeq] = split(b);
  if (aMs !== bMs) return aMs < bMs ? -1 : 1;
  return aSeq === bSeq ? 0 : aSeq < bSeq ? -1 : 1;
}

function split(id: string): [bigint, bigint] {
  const [ms, seq] = id.split('-');
  return [BigInt(ms!), BigInt(seq!)];
}
