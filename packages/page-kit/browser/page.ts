import { DEFAULT_LANGUAGE, isLanguage, type Language } from '../src/language.ts';
import type { Writing } from '../src/writing.ts';

/** The language that the server wrote this page in. */
export function pageLanguage(): Language {
  const { lang } = document.documentElement;
  return isLanguage(lang) ? lang : DEFAULT_LANGUAGE;
}

/** The server writes times in UTC: it does not know where the reader is. */
export function writeTimesLocally(root: ParentNode, writing: Writing): void {
  for (const element of root.querySelectorAll('time')) {
    const text = writing.time(element.dateTime, undefined);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Takes a chosen language out of the address: whoever is given it has a language of their own. */
export function tidyAddress(): void {
  if (location.search) history.replaceState(history.state, '', location.pathname + location.hash);
}

/** The main part of a page of this service, and what its frame says of it. */
export type FetchedPage = { main: HTMLElement; title: string; view: string | undefined; url: string };

/**
 * Asks for a page of this service and takes its main part out of it.
 * @returns undefined if no answer came in time, or one that is no page of ours, as a proxy's.
 */
export async function fetchPage(
  url: string,
  init: RequestInit,
  withinMs: number,
): Promise<FetchedPage | undefined> {
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(withinMs) });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const main = page.getElementById('main');
    const { view } = page.documentElement.dataset;
    return main ? { main, title: page.title, view, url: answer.url } : undefined;
  } catch {
    return undefined;
  }
}

/** Shows another page in place of this one. @returns its main part, as a part of this document. */
export function showPage({ main, title, view, url }: FetchedPage): HTMLElement {
  const adopted = document.adoptNode(main);
  document.getElementById('main')!.replaceWith(adopted);
  document.title = title;
  if (view) document.documentElement.dataset.view = view;
  else delete document.documentElement.dataset.view;
  history.replaceState(history.state, '', url);
  return adopted;
}

const ANSWER_WITHIN_MS = 5_000;

/**
 * Asks again for a page that could not say what it was asked for, until it can, and shows it then. Nothing is shown anew
 * that says the same: a screen reader would read it each time.
 * @param onShown is called after the page has changed.
 */
export function askAgain(onShown: (main: HTMLElement) => void): void {
  const main = document.getElementById('main')!;
  const seconds = Number(main.dataset.again);
  if (!seconds) return;
  setTimeout(async () => {
    const page = await fetchPage(location.href, {}, ANSWER_WITHIN_MS);
    // Something else is shown by now.
    if (!main.isConnected) return;
    if (!page || page.main.textContent === main.textContent) askAgain(onShown);
    else onShown(showPage(page));
  }, seconds * 1_000);
}
