import type { DrillResult } from '../drills/run-drill.ts';
import { groupBy } from '../history/sorted.ts';

/** What happened besides the faults, in words: a table in which it cannot be seen must not look like a run without it. */
export function remarks(results: readonly Pick<DrillResult, 'drill' | 'history'>[]): string[] {
  const made = results.flatMap(({ drill, history }) =>
    history.flatMap((event) =>
      event.type === 'note' && event.toReport ? [{ drill, text: event.text }] : [],
    ),
  );
  return [...groupBy(made, ({ text }) => text)].map(([text, same]) => {
    const times = [...groupBy(same, ({ drill }) => drill)].map(
      ([drill, own]) => `${drill}${own.length > 1 ? ` (${own.length} times)` : ''}`,
    );
    return `Besides, in ${times.join(', ')}: ${text}.`;
  });
}
