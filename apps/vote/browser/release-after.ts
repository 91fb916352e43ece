/**
 * Keeps a button from being pressed before its time, and says on it how long that is.
 * @param button has the seconds in `data-after`.
 */
export function releaseAfter(button: HTMLButtonElement): void {
  const words = button.textContent;
  const readyAt = performance.now() + Number(button.dataset.after) * 1_000;
  const tick = () => {
    const left = Math.ceil((readyAt - performance.now()) / 1_000);
    button.ariaDisabled = left > 0 ? 'true' : null;
    button.textContent = left > 0 ? `${words} (${left})` : words;
    if (left <= 0 || !button.isConnected) clearInterval(ticking);
  };
  const ticking = setInterval(tick, 500);
  tick();
}
