const SAYS_SO_FOR_MS = 3_000;

/**
 * Shows a button that copies what stands in its `data-copy`. Browsers let pages copy over https and on the machine itself
 * alone; elsewhere there is no button, and one tap on the receipt selects all of it.
 */
export function offerCopy(button: HTMLButtonElement): void {
  if (!navigator.clipboard) return;
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy!);
    button.textContent = button.dataset.copied!;
    setTimeout(() => {
      button.textContent = words;
    }, SAYS_SO_FOR_MS);
  });
}
