const SAYS_SO_FOR_MS = 3_000;

/** Shows a button that copies what stands in its `data-copy`, and says so on it. */
export function offerCopy(button: HTMLButtonElement): void {
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener('click', async () => {
    if (!(await copy(button.dataset.copy!))) return;
    button.textContent = button.dataset.copied!;
    setTimeout(() => {
      button.textContent = words;
    }, SAYS_SO_FOR_MS);
  });
}

/** @returns whether it was copied; where not, it is at least selected. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain http, as in most halls, or refused: browsers have the old way still.
    const code = document.querySelector('.receipt code')!;
    getSelection()?.selectAllChildren(code);
    return document.execCommand('copy');
  }
}
