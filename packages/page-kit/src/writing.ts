/** How numbers, lists and moments are written in one language. Safe in a browser. */
export type Writing = {
  /** "1,204". */
  number(value: number): string;
  /** The form of a noun that goes with a number: "1 vote", "1,204 votes". */
  count(value: number, one: string, other: string): string;
  /** A percentage, whole or with one digit more: "67%", "50.4%". */
  percent(value: number, digits?: 0 | 1): string;
  /** "a, b and c", each of `items` as a part that stands out. */
  list(items: readonly string[]): Part[];
  /**
   * A moment (ISO 8601): the hour if it is of today, else with its date.
   * @param zone the reader's own if undefined (in a browser); a given one is named.
   */
  time(iso: string, zone: string | undefined, now?: number): string;
};

/**
 * Plain text, text that a host wrote and that stands out, a moment (each reader's own clock tells how to write it), or
 * text on a line of its own: what follows a moment on its line moves when the browser writes that anew.
 */
export type Part = string | { strong: string } | { time: string } | { line: string };
export type Sentence = readonly Part[];

/** @param locale a BCP 47 tag, as en-GB: with it come the order of days and months, and commas in lists. */
export function createWriting(locale: string): Writing {
  const numbers = new Intl.NumberFormat(locale);
  const percents = ([0, 1] as const).map(
    (digits) =>
      new Intl.NumberFormat(locale, {
        style: 'percent',
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }),
  );
  const plurals = new Intl.PluralRules(locale);
  const lists = new Intl.ListFormat(locale, { type: 'conjunction' });
  // To make one takes as long as to write a page.
  const formats = new Map<string | undefined, { day: Intl.DateTimeFormat; hour: Intl.DateTimeFormat }>();
  const formatsOf = (zone: string | undefined) => {
    const known = formats.get(zone);
    if (known) return known;
    const named = zone === undefined ? {} : { timeZone: zone };
    const made = {
      day: new Intl.DateTimeFormat(locale, { ...named, dateStyle: 'medium' }),
      hour: new Intl.DateTimeFormat(locale, {
        ...named,
        hour: '2-digit',
        minute: '2-digit',
        ...(zone !== undefined && { timeZoneName: 'short' }),
      }),
    };
    formats.set(zone, made);
    return made;
  };
  return {
    number: (value) => numbers.format(value),
    count: (value, one, other) => `${numbers.format(value)} ${plurals.select(value) === 'one' ? one : other}`,
    percent: (value, digits = 0) => percents[digits]!.format(value / 100),
    list: (items) =>
      lists.formatToParts(items).map(({ type, value }) => (type === 'element' ? { strong: value } : value)),
    time(iso, zone, now = Date.now()) {
      const { day, hour } = formatsOf(zone);
      const moment = Date.parse(iso);
      const time = hour.format(moment);
      return day.format(moment) === day.format(now) ? time : `${day.format(moment)}, ${time}`;
    },
  };
}

/** A sentence as plain text, as for a screen reader's announcement. */
export function textOf(sentence: Sentence, writing: Writing, zone: string | undefined): string {
  return sentence
    .map((part) => {
      if (typeof part === 'string') return part;
      if ('line' in part) return `. ${part.line}`;
      return 'strong' in part ? part.strong : writing.time(part.time, zone);
    })
    .join('');
}
