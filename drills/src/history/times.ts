/** The longest; undefined if there is none, or if one of them never came. */
export function worst(times: readonly (number | undefined)[]): number | undefined {
  let longest: number | undefined;
  for (const time of times) {
    if (time === undefined) return undefined;
    longest = Math.max(longest ?? 0, time);
  }
  return longest;
}

/** A property that is left out if it has no value. */
export function defined<Key extends string>(key: Key, value: number | undefined): { [K in Key]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: number });
}

/** Times are taken to a tenth of a millisecond; a difference of two shows more. */
export function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
