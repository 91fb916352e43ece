import type { Words } from '../src/words/words.ts';

/**
 * Says how many choices are ticked, and lets the form be sent once they are as many as the poll asks for; whoever tries
 * before is told what is missing.
 * @param output has the least and the most in `data-min` and `data-max`, and stands in the form.
 */
export function countChoices(output: HTMLOutputElement, { chosen, refusals }: Words): void {
  const form = output.form!;
  const button = form.querySelector<HTMLButtonElement>('button[type="submit"]')!;
  const [min, max] = [Number(output.dataset.min), Number(output.dataset.max)];
  const ticked = () => form.querySelectorAll(':checked').length;
  const count = () => {
    output.textContent = chosen(ticked(), max);
    button.ariaDisabled = ticked() < min || ticked() > max ? 'true' : null;
  };
  form.addEventListener('change', count);
  button.addEventListener('click', () => {
    if (ticked() < min) output.textContent = refusals.tooFew(min);
    if (ticked() > max) output.textContent = refusals.tooMany(max);
  });
  count();
  output.classList.add('shown');
}
