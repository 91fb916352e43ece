import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { findChromium } from '@hbf/local-services/find-chromium';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultStates } from './result-states.ts';
import type { State } from './state.ts';
import { voteStates } from './vote-states.ts';

const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();
/** Where pictures go of every state, `npm run screenshots`; unset: none are taken. */
const pictures = process.env.SCREENSHOTS;
const only = process.env.STATES ? new RegExp(process.env.STATES) : /./;

const SIZES = {
  phone: { width: 390, height: 780 },
  laptop: { width: 1280, height: 800 },
  projector: { width: 1920, height: 1080 },
} as const;

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

type Violation = { id: string; help: string; nodes: { html: string; failureSummary: string }[] };

/** What axe finds against a page, in words. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) {
    await page.evaluate(await (await import('node:fs/promises')).readFile(axe, 'utf8'));
  }
  const found: Violation[] = await page.evaluate('axe.run(document).then(({ violations }) => violations)');
  return found.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n  ')}`,
  );
}

describe.skipIf(executablePath === undefined)('every state of both pages', async () => {
  if (executablePath === undefined) return;
  const states: State[] = [...(await voteStates()), ...(await resultStates())].filter(({ name }) =>
    only.test(name),
  );
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--no-first-run', '--disable-background-networking'],
    });
    if (pictures) mkdirSync(pictures, { recursive: true });
  });
  afterAll(() => browser?.close());

  it.each(states)('$name is in order in both languages, both themes and at every size', async (state) => {
    for (const locale of ['en-GB', 'fr-FR']) {
      const context = await browser.newContext({ locale, viewport: SIZES.phone, timezoneId: 'Europe/Paris' });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        // A refused ballot and a server that is gone are told by the browser too.
        if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text()))
          complaints.push(message.text());
      });
      await page.goto(state.url);
      await state.reach?.(page);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await violations(page), `${locale}, ${colorScheme}`).toEqual([]);
        for (const [size, viewport] of Object.entries(SIZES)) {
          await page.setViewportSize(viewport);
          expect(await page.evaluate('document.documentElement.scrollWidth'), size).toBeLessThanOrEqual(
            viewport.width,
          );
          if (pictures) {
            const path = `${pictures}/${state.name}-${locale.slice(0, 2)}-${colorScheme}-${size}.png`;
            await page.screenshot({ path, fullPage: size === 'phone' });
          }
        }
        await page.setViewportSize({ width: 320, height: 600 });
        expect(await page.evaluate('document.documentElement.scrollWidth'), '320 pixels').toBeLessThanOrEqual(
          320,
        );
        await page.setViewportSize(SIZES.phone);
      }
      expect(complaints).toEqual([]);
      await context.close();
    }
  });
});
