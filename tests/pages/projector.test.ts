import type { Page } from 'playwright-core';
import decodeQR from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { executablePath, overflow, useBrowser } from './browser.ts';
import { resultStates } from './result-states.ts';

const HALL = { viewport: { width: 1_920, height: 1_080 } };

describe.skipIf(executablePath === undefined)('the projector view', () => {
  const visit = useBrowser();
  const visitState = async (name: string, options = {}) =>
    visit(
      await resultStates()
        .find((state) => state.name === `result-${name}`)!
        .start(),
      { ...HALL, ...options },
    );

  /** What a camera reads off the screen. */
  async function scan(page: Page): Promise<string> {
    const picture = (await page.locator('.qr').screenshot()).toString('base64');
    // The browser takes its own picture apart.
    const { width, height, data } = await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!;
      context.drawImage(image, 0, 0);
      const { width, height, data } = context.getImageData(0, 0, image.width, image.height);
      return { width, height, data: [...data] };
    }, picture);
    return decodeQR({ width, height, data: Uint8Array.from(data) });
  }

  it.each([
    ['projector', 'https://vote.example.org', 'vote.example.org'],
    ['projector-localhost', 'http://192.168.1.7:5002/p/lunch', '192.168.1.7:5002/p/lunch'],
  ])(
    '%s has a code that a camera reads, in both themes, and the same address to type',
    async (name, url, text) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, end } = await visitState(name, { colorScheme });
        expect(await scan(page)).toBe(url);
        expect(await page.locator('.address').textContent()).toBe(text);
        await end();
      }
    },
  );

  it('warns where it was opened by an address that no phone reaches, and shows the one of the network', async () => {
    const warned = await visitState('projector-localhost');
    await warned.page.getByText('by an address that no phone can reach').waitFor();
    await warned.end();
    const alone = await visitState('projector-no-address');
    await alone.page.getByText('Open it by the name or address').waitFor();
    expect(await alone.page.locator('.qr').count()).toBe(0);
    await alone.end();
    const fine = await visitState('projector');
    expect(await fine.page.getByText('no phone can reach').count()).toBe(0);
    await fine.end();
  });

  it.each(['projector', 'projector-localhost', 'projector-no-address', 'projector-thirty'])(
    'shows all of %s on one screen of a hall, a good one and a poor one: nobody scrolls there',
    async (name) => {
      const { page, end } = await visitState(name);
      for (const viewport of [HALL.viewport, { width: 1_280, height: 720 }]) {
        await page.setViewportSize(viewport);
        for (const part of ['#options', '#turnout', '.plot', '.qr', '.address', '.controls']) {
          const box = await page
            .locator(part)
            .first()
            .boundingBox({ timeout: 1_000 })
            .catch(() => null);
          // Of many options the plot is left out; without an address there is no code.
          if (box)
            expect(box.y + box.height, `${part}, ${viewport.width}`).toBeLessThanOrEqual(viewport.height);
        }
        expect(await overflow(page)).toBeLessThanOrEqual(0);
      }
      await end();
    },
  );

  const fullScreen = (page: Page) => page.evaluate('document.fullscreenElement !== null');
  const ground = (page: Page) => page.evaluate('getComputedStyle(document.body).backgroundColor');

  it('fills the screen with f, turns dark and light with d, and goes from poll to poll with the arrows, staying so', async () => {
    const { page, complaints, end } = await visitState('projector', { colorScheme: 'light' });
    const light = await ground(page);
    await page.keyboard.press('f');
    await expect.poll(() => fullScreen(page)).toBe(true);
    await page.keyboard.press('d');
    const dark = await ground(page);
    expect(dark).not.toBe(light);
    const shows = (question: string) => page.getByRole('heading', { name: question }).waitFor();
    await page.keyboard.press('ArrowRight');
    await shows('What could we have for lunch on Friday?');
    expect(page.url()).toMatch(/\/p\/lunch\/projector$/);
    expect(await page.title()).toContain('lunch');
    expect(await fullScreen(page)).toBe(true);
    expect(await ground(page)).toBe(dark);
    await page.getByText('71 voters').waitFor();
    await page.locator('[data-tone="live"]').waitFor();
    await page.keyboard.press('ArrowLeft');
    await shows('Cats or dogs?');
    await page.keyboard.press('ArrowLeft');
    await shows('Was the talk good?');
    await page.keyboard.press('d');
    expect(await ground(page)).toBe(light);
    await page.keyboard.press('f');
    await expect.poll(() => fullScreen(page)).toBe(false);
    expect(complaints).toEqual([]);
    await end();
  });

  it('begins with the dark that the browser asks for', async () => {
    const { page, end } = await visitState('projector', { colorScheme: 'dark' });
    const dark = await ground(page);
    await page.keyboard.press('d');
    expect(await ground(page)).not.toBe(dark);
    await end();
  });

  it('leaves single keys alone once they are switched off, with a modifier, and on the ordinary page', async () => {
    const { page, end } = await visitState('projector', { colorScheme: 'light' });
    const light = await ground(page);
    await page.keyboard.press('Control+d');
    expect(await ground(page)).toBe(light);
    await page.getByRole('button', { name: 'Keys: on' }).click();
    await page.getByRole('button', { name: 'Keys: off' }).waitFor();
    await page.keyboard.press('d');
    expect(await ground(page)).toBe(light);
    await page.getByRole('button', { name: 'Light or dark' }).click();
    expect(await ground(page)).not.toBe(light);
    await page.getByRole('button', { name: 'Light or dark' }).click();
    await page.getByRole('link', { name: 'Leave' }).click();
    await page.getByRole('link', { name: 'Projector view' }).waitFor();
    await page.keyboard.press('d');
    expect(await ground(page)).toBe(light);
    await end();
  });

  it('works without a script, as far as it can: the code, the address, the other polls', async () => {
    const { page, end } = await visitState('projector', { javaScriptEnabled: false });
    expect(await page.locator('.qr').isVisible()).toBe(true);
    expect(await page.getByRole('button').count()).toBe(0);
    await page.getByRole('link', { name: 'Next poll' }).click();
    await page.getByRole('heading', { name: 'What could we have for lunch on Friday?' }).waitFor();
    expect(await page.locator('.address').textContent()).toBe('vote.example.org/p/lunch');
    await end();
  });
});
