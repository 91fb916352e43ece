import { fetchPage, showPage } from '@hbf/page-kit/browser/page';
import { toggleTheme } from './theme.ts';

const ANSWER_WITHIN_MS = 5_000;

/**
 * Runs the projector view: its keys, its buttons, and going from poll to poll in place, since a browser that loads another
 * page leaves the full screen. Single keys work there alone, and can be switched off, so that nobody hits them by
 * dictating (WCAG 2.2, 2.1.4).
 * @param onShown is called when another poll's page is shown.
 * @returns what is to be called whenever a page is shown.
 */
export function runProjector(onShown: () => void): () => void {
  let keysWork = true;
  /** The last way that was begun: what an earlier one brings is not wanted any more. */
  let going: symbol | undefined;

  const deeds: Record<string, () => void> = {
    fullScreen: toggleFullScreen,
    theme: toggleTheme,
    keys() {
      keysWork = !keysWork;
      showControls();
    },
  };

  function showControls(): void {
    for (const button of document.querySelectorAll<HTMLElement>('[data-do]')) {
      button.hidden = button.dataset.do === 'fullScreen' && !document.fullscreenEnabled;
    }
    const keys = document.querySelector<HTMLElement>('[data-do="keys"]');
    if (!keys) return;
    keys.dataset.on ??= keys.textContent;
    keys.textContent = keysWork ? keys.dataset.on : keys.dataset.off!;
  }

  async function goTo(link: HTMLAnchorElement | null): Promise<void> {
    if (!link) return;
    const { rel, href } = link;
    const hadFocus = document.activeElement === link;
    const way = Symbol(href);
    going = way;
    const page = await fetchPage(href, {}, ANSWER_WITHIN_MS);
    // No answer, or one that is no poll: the page that is there says by itself what is wrong.
    if (going !== way || !page?.main.querySelector('#tally')) return;
    showPage(page);
    onShown();
    document.getElementById('news')!.textContent = document.getElementById('question')!.textContent;
    if (hadFocus) linkTo(rel)?.focus();
  }

  document.addEventListener('click', (event) => {
    const target = event.target as Element;
    const deed = target.closest<HTMLElement>('[data-do]')?.dataset.do;
    if (deed) deeds[deed]?.();
    const link = target.closest<HTMLAnchorElement>('a[rel="prev"], a[rel="next"]');
    // A click with a key held opens another tab.
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void goTo(link);
  });
  document.addEventListener('keydown', (event) => {
    if (!keysWork || !isProjector() || event.repeat) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === 'f') toggleFullScreen();
    else if (key === 'd') toggleTheme();
    else if (key === 'arrowleft') void goTo(linkTo('prev'));
    else if (key === 'arrowright') void goTo(linkTo('next'));
  });
  return showControls;
}

function isProjector(): boolean {
  return document.documentElement.dataset.view === 'projector';
}

function linkTo(rel: string): HTMLAnchorElement | null {
  return document.querySelector<HTMLAnchorElement>(`a[rel="${rel}"]`);
}

function toggleFullScreen(): void {
  // Refused where the host forbids it, and unknown to some phones: then the page stays as it is.
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  else document.documentElement.requestFullscreen?.().catch(() => {});
}
