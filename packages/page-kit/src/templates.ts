import { Eta } from 'eta';
import type { Assets } from './assets.ts';
import { LANGUAGES, type Language } from './language.ts';
import type { Writing } from './writing.ts';

/** What the frame around every page needs. */
export type Frame = {
  language: Language;
  /** The origin under which the browser sees this service, for the preview of a link; undefined where it is unknown. */
  origin: string | undefined;
};

/**
 * Makes what renders the views: those of the app, and ours beside them. Everything put into a template is escaped.
 * @param views the folder into which `buildPages` has put both.
 */
export function createTemplates(views: string, assets: Assets) {
  const eta = new Eta({ views, cache: true, autoEscape: true });
  return <W extends { writing: Writing }>(view: string, frame: Frame, words: W, model: object): string =>
    eta.render(view, {
      ...model,
      words,
      frame: { ...frame, assets, languages: LANGUAGES },
      // Where the reader is, only the browser knows, and its code writes the times anew.
      writeTime: (iso: string) => words.writing.time(iso, 'UTC'),
    });
}
