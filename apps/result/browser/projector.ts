import { fetchPage, showPage } from '@hbf/page-kit/browser/page';
import { toggleTheme } from './theme.ts';

const ANSWER_WITHIN_MS = 5_000;

/**
 * Runs the projector view: its keys, its buttons, and going from poll to poll in place, since a browser that loads another
 * page leaves the full screen. Single keys work there alone, and can be switched off, so that nobody hits them by
 * dictating (WCAG 2.2, 2.1.4).
 * @param onShown is called when another poll's page is shown.
 */
export function runProjector(onShown: () => void): void {
  if (document.documentElement.dataset.view !== 'projector') return;
  let keysWork = true;

  const deeds: Record<string, () => void> = {
    fullScreen: toggleFullScreen,
    theme: toggleTheme,
    keys() {
      keysWork = !keysWork;
      showControls();
    },
  };

  function showControls(): void {
    for (const button of document.querySelectorAll<HTMLElement>('[data-do]')) button.hidden = false;
    document.querySelector('[data-do="keys"]')!.ariaPressed = String(keysWork);
  }

  async function goTo(link: HTMLAnchorElement | null): Promise<void> {
    if (!link) return;
    const { rel, href } = link;
    const hadFocus = document.activeElement === link;
    const page = await fetchPage(href, {}, ANSWER_WITHIN_MS);
    // The server is gone: the page that is there says so by itself.
    if (!page) return;
    showPage(page);
    showControls();
    onShown();
    if (hadFocus) linkTo(rel)?.focus();
  }

  document.addEventListener('click', (event) => {
    const target = event.target as Element;
    const deed = target.closest<HTMLElement>('[data-do]')?.dataset.do;
    if (deed) deeds[deed]?.();
    const link = target.closest<HTMLAnchorElement>('a[rel]');
    // A click with a key held opens another tab.
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void goTo(link);
  });
  document.addEventListener('keydown', (event) => {
    if (!keysWork || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'f') toggleFullScreen();
    else if (event.key === 'd') toggleTheme();
    else if (event.key === 'ArrowLeft') void goTo(linkTo('prev'));
    else if (event.key === 'ArrowRight') void goTo(linkTo('next'));
  });
  showControls();
}

function linkTo(rel: string): HTMLAnchorElement | null {
  return document.querySelector<HTMLAnchorElement>(`a[rel="${rel}"]`);
}

function toggleFullScreen(): void {
  // Refused where the host forbids it: the button then does nothing, and the page stays as it is.
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  else document.documentElement.requestFullscreen().catch(() => {});
}
