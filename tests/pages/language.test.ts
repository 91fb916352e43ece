import { describe, expect, it } from 'vitest';
import { makeApp } from '../../apps/vote/test/support/app.ts';
import { executablePath, useBrowser } from './browser.ts';
import { resultStates } from './result-states.ts';
import { serve } from './state.ts';

describe.skipIf(executablePath === undefined)('the language', () => {
  const visit = useBrowser();

  it("is the browser's, and the one that was chosen from then on, on both services of a host", async () => {
    const vote = await serve(makeApp().app);
    const { page, complaints, end } = await visit(`${vote}/`, { locale: 'fr-CA' });
    await page.getByText('Choisissez une réponse').waitFor();
    await page.getByRole('link', { name: 'English' }).click();
    await page.getByText('Choose one').waitFor();
    // Whoever is given the address has a language of their own.
    expect(page.url()).toBe(`${vote}/`);
    await page.reload();
    await page.getByText('Choose one').waitFor();
    await page.getByRole('button', { name: 'Cats' }).click();
    await page.getByText('Your ballot was accepted').waitFor();
    await page.goto(
      await resultStates()
        .find(({ name }) => name === 'result-live')!
        .start(),
    );
    await page.getByText('Ahead by 17 votes').waitFor();
    expect(complaints).toEqual([]);
    await end();
  });

  it('is French to the last word where it is French: a ballot that is refused, too', async () => {
    const { app, ballots } = makeApp();
    ballots.answer = { outcome: 'unconfirmed' };
    const { page, end } = await visit(`${await serve(app)}/`, { locale: 'fr' });
    await page.getByRole('button', { name: 'Cats' }).click();
    const notice = page.getByRole('alert');
    await notice.getByText(/Réessayez\s;\sil ne peut pas compter deux fois/).waitFor();
    expect(await notice.textContent()).not.toMatch(/ballot|again|confirm your/);
    ballots.answer = undefined;
    await page.getByRole('button', { name: 'Réessayer' }).click();
    await page.getByText('Votre bulletin est accepté').waitFor();
    await end();
  });

  it('is switched without a script, too', async () => {
    const vote = await serve(makeApp().app);
    const { page, end } = await visit(`${vote}/p/best-friend`, { javaScriptEnabled: false });
    await page.getByRole('link', { name: 'Français' }).click();
    await page.getByRole('button', { name: 'Dogs' }).click();
    await page.getByText('Votre bulletin est accepté').waitFor();
    await end();
  });
});
