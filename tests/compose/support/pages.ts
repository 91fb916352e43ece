import { findChromium } from '@hbf/local-services/find-chromium';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Release } from './release.ts';

/** That voters and watchers can use it with a real browser; visibly skipped where none can be had. */
export function testPages(release: Release): void {
  const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();

  describe.skipIf(executablePath === undefined)('in a browser', () => {
    it('a voter votes on one page and the other page moves, without being loaded again', async () => {
      const browser = await chromium.launch({
        executablePath: executablePath!,
        args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
      });
      try {
        const errors: string[] = [];
        const open = async (context: BrowserContext, url: string): Promise<Page> => {
          const page = await context.newPage();
          page.on('console', (message) => {
            // A 503 is an answer that the page deals with: on a busy machine a receipt may not be found at once.
            if (message.type() === 'error' && !message.text().includes('status of 503'))
              errors.push(message.text());
          });
          page.on('pageerror', (error) => errors.push(error.message));
          await page.goto(url);
          return page;
        };
        const watcher = await open(await browser.newContext(), `${release.resultUrl}/p/best-friend`);
        await watcher.getByText('No ballots yet').waitFor();
        await watcher.evaluate(() => {
          document.title = 'not loaded again';
        });
        const voter = await open(await browser.newContext(), `${release.voteUrl}/p/best-friend`);
        await voter.getByRole('button', { name: 'Option a' }).click();
        await voter.getByText('Your ballot was accepted').waitFor();
        await watcher.locator('[data-option="a"] .votes').getByText('1').waitFor();
        await voter
          .locator('[data-receipt]')
          .getByText(/counted/i)
          .waitFor();
        expect(await watcher.title()).toBe('not loaded again');
        expect(errors).toEqual([]);
      } finally {
        await browser.close();
      }
    });
  });
}
