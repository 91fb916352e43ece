/** The two halves of an entry id (`<ms>-<seq>`), as text that PostgreSQL casts to bigint. */
export function halves(entryId: string): [ms: string, seq: string] {
  const [ms, seq] = entryId.split('-');
  return [ms!, seq!];
}
