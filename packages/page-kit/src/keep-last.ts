/**
 * Keeps the last things that were made, by what they were made of: many ask for the same at a time. What was made first
 * goes first, since whoever asks may name anything.
 * @param most how many are kept.
 */
export function keepLast<T>(most: number): (key: string, make: () => T) => T {
  const kept = new Map<string, T>();
  return (key, make) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = make();
    kept.set(key, made);
    if (kept.size > most) kept.delete(kept.keys().next().value!);
    return made;
  };
}
