import type { Tally } from '@hbf/contracts/tally';
import { type Sentence, type TallyView, viewTally, writeTime } from '../src/tally-view.ts';

const byId = (id: string) => document.getElementById(id)!;

/** Shows a tally. Everything goes in as text. @returns a summary in one sentence. */
export function renderTally(tally: Tally): string {
  const view = viewTally(tally);
  setText(byId('question'), tally.question);
  renderFreshness(view.freshness.tone, view.freshness.text);
  const hidden = byId('hidden');
  hidden.hidden = view.hidden === undefined;
  setSentence(hidden, view.hidden ?? []);
  const verdict = byId('verdict');
  verdict.hidden = view.verdict === undefined;
  setText(verdict, view.verdict ?? '');
  setText(byId('turnout'), view.turnout);
  setSentence(byId('times'), view.times ?? []);
  byId('options').toggleAttribute('data-hidden', view.hidden !== undefined);
  renderRows(byId('options'), view.rows);
  const vote = document.getElementById('vote');
  if (vote) setText(vote, view.voteLink);
  const rows = view.rows.filter(({ votes }) => votes !== '').map(({ label, votes }) => `${label}: ${votes}`);
  return [view.verdict ?? '', view.turnout, ...rows].filter(Boolean).join('. ');
}

/** Says how current the page is. */
export function renderFreshness(tone: TallyView['freshness']['tone'] | 'silent', text: Sentence): void {
  const line = byId('freshness');
  line.dataset.tone = tone;
  byId('tally').toggleAttribute('data-old', tone === 'silent' || tone === 'stale');
  setSentence(line, text);
}

/** The server writes times in UTC: it does not know where the reader is. */
export function writeTimesLocally(): void {
  for (const element of document.querySelectorAll('time')) {
    setText(element, writeTime(element.dateTime, undefined));
  }
}

function renderRows(list: HTMLElement, rows: TallyView['rows']): void {
  const known = new Map([...list.children].map((item) => [(item as HTMLElement).dataset.option, item]));
  for (const [index, row] of rows.entries()) {
    const item = known.get(row.key);
    if (!item) continue;
    // Moved only if the order changed: moving it stops its bar in the middle of its way.
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    setText(item.querySelector('.label')!, row.label);
    setText(item.querySelector('.share')!, row.share);
    setText(item.querySelector('.votes')!, row.votes);
    item.querySelector('rect')!.setAttribute('width', String(row.width));
  }
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function setSentence(element: Element, sentence: Sentence): void {
  const parts = sentence.map((part) => {
    if (typeof part === 'string') return part;
    const time = document.createElement('time');
    time.dateTime = part.time;
    time.textContent = writeTime(part.time, undefined);
    return time;
  });
  const text = parts.map((part) => (typeof part === 'string' ? part : part.textContent)).join('');
  if (element.textContent !== text) element.replaceChildren(...parts);
}
