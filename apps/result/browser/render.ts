import type { Tally } from '@hbf/contracts/tally';
import { type Sentence, textOf } from '@hbf/page-kit/writing';
import { type TallyView, viewTally } from '../src/tally-view.ts';
import { turnoutNow } from '../src/turnout-plot.ts';
import type { Words } from '../src/words/words.ts';
import { createAnnouncer } from './announce.ts';
import { createPlot } from './plot.ts';

const byId = (id: string) => document.getElementById(id)!;

export type Renderer = {
  /** Shows a tally. Everything goes in as text. */
  renderTally(tally: Tally): void;
  /** Says that nothing was heard for so long (ms). */
  renderSilence(forMs: number): void;
};

/** @returns what keeps the page that is shown now current, for eyes and for ears. */
export function createRenderer(words: Words): Renderer {
  const { writing } = words;
  const plot = createPlot(byId('plot'), words);
  const announce = createAnnouncer(byId('news'));
  /** Whether what the page showed last was current. */
  let wasCurrent = byId('freshness').dataset.tone !== 'stale';

  function renderFreshness(tone: TallyView['freshness']['tone'] | 'silent', text: Sentence): void {
    const line = byId('freshness');
    line.dataset.tone = tone;
    const isCurrent = tone !== 'silent' && tone !== 'stale';
    byId('tally').toggleAttribute('data-old', !isCurrent);
    setSentence(line, text);
    // At once, and in a region of its own: what is told of the votes must not push it out.
    if (isCurrent !== wasCurrent) setText(byId('freshness-news'), textOf(text, writing, undefined));
    wasCurrent = isCurrent;
  }

  function setSentence(element: Element, sentence: Sentence): void {
    const next = element.cloneNode(false) as Element;
    next.append(...sentence.map(nodeOf));
    if (!next.isEqualNode(element)) element.replaceChildren(...next.childNodes);
  }

  function nodeOf(part: Sentence[number]): Node | string {
    if (typeof part === 'string') return part;
    if ('strong' in part) {
      const strong = document.createElement('strong');
      strong.dir = 'auto';
      strong.textContent = part.strong;
      return strong;
    }
    if ('line' in part) {
      const line = document.createElement('span');
      line.className = 'line';
      line.textContent = part.line;
      return line;
    }
    const time = document.createElement('time');
    time.dateTime = part.time;
    time.textContent = writing.time(part.time, undefined);
    return time;
  }

  return {
    renderTally(tally) {
      const view = viewTally(tally, words);
      setText(byId('question'), tally.question);
      renderFreshness(view.freshness.tone, view.freshness.text);
      const hidden = byId('hidden');
      hidden.hidden = view.hidden === undefined;
      setSentence(hidden, view.hidden ?? []);
      const verdict = byId('verdict');
      verdict.hidden = view.hidden !== undefined;
      setSentence(verdict, view.verdict ?? []);
      setText(byId('turnout'), view.turnout);
      setSentence(byId('times'), view.times ?? []);
      byId('options').toggleAttribute('data-hidden', view.hidden !== undefined);
      renderRows(byId('options'), 'option', view.rows, renderBar);
      renderRows(byId('rows'), 'row', view.rows, (item, row) => renderTableRow(item, row, words));
      plot.add(turnoutNow(tally));
      const vote = document.getElementById('vote');
      if (vote) {
        setText(vote, view.voteLink ?? '');
        vote.hidden = view.voteLink === undefined;
        vote.classList.toggle('quiet', tally.phase !== 'open');
      }
      // The table has the rest, for whoever wants to hear it.
      announce([textOf(view.verdict ?? [], writing, undefined), view.turnout].filter(Boolean).join('. '));
    },
    renderSilence(forMs) {
      renderFreshness('silent', [words.freshness.silent(Math.floor(forMs / 1_000))]);
    },
  };
}

type Row = TallyView['rows'][number];

/** @param name of the data attribute that holds an item's option. */
function renderRows(
  list: HTMLElement,
  name: string,
  rows: readonly Row[],
  render: (item: Element, row: Row) => void,
): void {
  const known = new Map([...list.children].map((item) => [(item as HTMLElement).dataset[name], item]));
  for (const [index, row] of rows.entries()) {
    const item = known.get(row.key);
    if (!item) continue;
    // Moved only if the order changed: moving it stops its bar in the middle of its way.
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    render(item, row);
  }
}

function renderBar(item: Element, row: Row): void {
  setText(item.querySelector('.label')!, row.label);
  setText(item.querySelector('.share')!, row.share);
  setText(item.querySelector('.votes')!, row.votes);
  item.toggleAttribute('data-leads', row.leads);
  moveBar(item.querySelector<SVGElement>('.fill')!, row.width);
}

/** The server has drawn the bar as long as it is. From now on it is drawn whole, and scaled. @param width 0 to 100. */
function moveBar(fill: SVGElement, width: number): void {
  const scale = `scaleX(${width / 100})`;
  if (fill.style.transform === scale) return;
  // Not the first time: that is no move.
  fill.classList.toggle('moves', fill.style.transform !== '');
  fill.style.transform = scale;
  fill.firstElementChild!.setAttribute('width', '100');
}

function renderTableRow(item: Element, { label, votes, share }: Row, { table }: Words): void {
  for (const [index, text] of [label, votes || table.hidden, share || table.hidden].entries()) {
    setText(item.children[index]!, text);
  }
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
