import { fetchPage, showPage } from '@hbf/page-kit/browser/page';

/** A form that was sent and not answered for this long (ms) is taken for not answered at all. */
const ANSWER_WITHIN_MS = 10_000;

/**
 * Sends the forms marked so without leaving the page, and shows the answer in its place. Where none comes, as on a phone
 * that has lost its network, a browser would show an error of its own, and the voter would not know that it is safe to
 * vote again: here the page says so, and the form is as it was.
 * @param onShown gets the main part of each page that is shown so.
 */
export function sendBallots(onShown: (main: HTMLElement) => void): void {
  // Older browsers send the form themselves, as without a script: what this needs would fail them at every tap.
  const canSend =
    'timeout' in AbortSignal && 'submitter' in SubmitEvent.prototype && 'ariaBusy' in Element.prototype;
  if (!canSend) return;
  document.addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches('[data-send]')) return;
    event.preventDefault();
    const button = event.submitter as HTMLButtonElement | null;
    // A second tap, one on another form, or one before its time: of two ballots under way nobody knows which comes later.
    if (document.querySelector('[aria-busy="true"]') || button?.ariaDisabled === 'true') return;
    void send(form, button, onShown);
  });
}

async function send(
  form: HTMLFormElement,
  button: HTMLButtonElement | null,
  onShown: (main: HTMLElement) => void,
): Promise<void> {
  const body = new URLSearchParams(
    [...new FormData(form)].map(([name, value]): [string, string] => [name, String(value)]),
  );
  if (button?.name) body.append(button.name, button.value);
  form.ariaBusy = 'true';
  button?.toggleAttribute('data-sending', true);
  const page = await fetchPage(form.action, { method: 'POST', body }, ANSWER_WITHIN_MS);
  if (page) {
    const main = showPage(page);
    onShown(main);
    announce(main);
    return;
  }
  form.ariaBusy = null;
  button?.toggleAttribute('data-sending', false);
  // What was chosen stays marked: the same tap sends it again.
  for (const choice of form.querySelectorAll<HTMLElement>('button.choice')) {
    choice.ariaCurrent = choice === button ? 'true' : null;
  }
  const main = document.getElementById('main')!;
  for (const old of main.querySelectorAll('[data-no-answer]')) old.remove();
  const words = document.querySelector<HTMLTemplateElement>('#no-answer')?.content.cloneNode(true);
  if (words) main.querySelector('h1')!.after(words);
  announce(main);
}

/** Puts the focus where the news stands: a screen reader reads it, and the keyboard goes on from there. */
function announce(main: HTMLElement): void {
  window.scrollTo(0, 0);
  const news = main.querySelector<HTMLElement>('h2[tabindex]') ?? main.querySelector<HTMLElement>('h1');
  news?.focus({ preventScroll: true });
}
