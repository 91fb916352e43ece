import type { Words } from '../src/words/words.ts';

/**
 * Says how many choices are ticked, and lets the form be sent once they are as many as the poll asks for.
 * @param output has the least and the most in `data-min` and `data-max`, and stands in the form.
 */
export function countChoices(output: HTMLOutputElement, words: Words): void {
  const form = output.form!;
  const button = form.querySelector<HTMLButtonElement>('button[type="submit"]')!;
  const [min, max] = [Number(output.dataset.min), Number(output.dataset.max)];
  const count = () => {
    const chosen = form.querySelectorAll(':checked').length;
    output.textContent = words.chosen(chosen, max);
    button.ariaDisabled = chosen < min || chosen > max ? 'true' : null;
  };
  output.hidden = false;
  form.addEventListener('change', count);
  count();
}
