import type { Evidence } from '../evidence.ts';
import type { Violation } from '../violation.ts';

/** The pages in the end, against the stored tallies. */
export function checkFinalPages({ final, pages, history }: Evidence): Violation[] {
  const wrong: string[] = [];
  const tallies = new Map(final.tallies.map((tally) => [tally.poll, tally]));
  const ended = new Set<string>();
  for (const event of history) {
    if (event.type === 'page' && event.phase === 'final') ended.add(event.poll);
  }
  for (const { poll, status } of final.tallies) {
    if (status !== 'live' && !ended.has(poll)) wrong.push(`${poll}: result says ${status} in the end`);
  }
  for (const { page, poll, shows, turnout, votes } of final.pages) {
    const tally = tallies.get(poll);
    if (!tally) {
      wrong.push(`${page} shows ${poll}, of which there is no tally`);
      continue;
    }
    if (turnout !== tally.turnout)
      wrong.push(`${page} shows ${turnout} voters of ${poll}, stored are ${tally.turnout}`);
    const stored = Object.values(tally.votes);
    // Votes come in the poll's order on both sides, and drills have no poll that hides them.
    if (votes.length !== stored.length || votes.some((shown, index) => shown !== stored[index])) {
      wrong.push(`${page} shows the votes ${votes.join(', ')} of ${poll}, stored are ${stored.join(', ')}`);
    }
    // Nothing can become wrong of a final tally, however long ago the last heartbeat was.
    const isFinal = pages.get(page)?.at(-1)?.phase === 'final';
    if (shows !== 'live' && !isFinal)
      wrong.push(`${page} shows ${shows} in the end, and everything is healed`);
  }
  const last = new Set(final.pages.map(({ page }) => page));
  for (const page of pages.keys()) {
    if (!last.has(page)) wrong.push(`${page} is not there in the end`);
  }
  return wrong.map((what) => ({ rule: 'pages-agree', what }));
}
