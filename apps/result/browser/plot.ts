import type { TurnoutPoint } from '@hbf/ballot-store/read-turnout-points';
import { thinPoints } from '../src/thin-points.ts';
import { drawTurnout } from '../src/turnout-plot.ts';
import type { Words } from '../src/words/words.ts';

/** More points than this are no finer on any screen. */
const MOST_POINTS = 240;
/** Changes closer together than this (ms) are one point. */
const APART_MS = 1_000;

/**
 * Goes on with the plot that the server has drawn.
 * @param figure has the points so far in `data-points`.
 */
export function createPlot(figure: HTMLElement, words: Words): { add(now: TurnoutPoint): void } {
  let points: readonly TurnoutPoint[] = JSON.parse(figure.dataset.points!);
  const [area, curve] = ['.area', '.curve'].map((name) => figure.querySelector(name)!);
  const svg = figure.querySelector('svg')!;
  const span = figure.querySelector('#span')!;
  // As one text: the dash between two that grow or shrink by themselves would be seen to jump.
  const showSpan = (...times: string[]) => {
    const [from, to] = times.map((time) => words.writing.time(time, undefined));
    span.textContent = `${from} – ${to}`;
    return [from!, to!] as const;
  };
  const written = [...span.querySelectorAll('time')].map(({ dateTime }) => dateTime);
  if (written.length > 0) showSpan(...written);

  return {
    add(now) {
      const last = points.at(-1);
      if (!last || (now.voters !== last.voters && now.at - last.at >= APART_MS)) points = [...points, now];
      if (points.length > MOST_POINTS) points = thinPoints(points, MOST_POINTS / 2);
      const plot = drawTurnout(points, now);
      if (!plot) return;
      area!.setAttribute('d', plot.area);
      curve!.setAttribute('d', plot.curve);
      svg.setAttribute('aria-label', words.overTimeSays(...showSpan(plot.from, plot.to), plot.voters));
    },
  };
}
