import { mkdirSync } from 'node:fs';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { executablePath, overflow, useBrowser } from './browser.ts';
import { resultStates } from './result-states.ts';
import { voteStates } from './vote-states.ts';

/** Where pictures of every state go, `npm run screenshots`; unset: none are taken. */
const pictures = process.env.SCREENSHOTS;
/** A pattern of the states' names, to look at some alone. */
const only = new RegExp(process.env.STATES ?? '');

const SIZES = {
  phone: { width: 390, height: 780 },
  laptop: { width: 1_280, height: 800 },
  projector: { width: 1_920, height: 1_080 },
  // The laptop at 200 %, and the narrowest that there is.
  zoomed: { width: 640, height: 400 },
  narrow: { width: 320, height: 600 },
} as const;

type Violation = { id: string; help: string; nodes: { html: string; failureSummary: string }[] };

/** What axe finds against a page, in words. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source);
  const found: Violation[] = await page.evaluate('axe.run(document).then(({ violations }) => violations)');
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n${html}\n${failureSummary}`),
  );
}

describe.skipIf(executablePath === undefined)('every state of both pages', async () => {
  if (executablePath === undefined) return;
  const states = [...(await voteStates()), ...resultStates()].filter(({ name }) => only.test(name));
  const visit = useBrowser();
  if (pictures) mkdirSync(pictures, { recursive: true });

  it.each(states)('$name is in order in both languages and themes, and fits every size', async (state) => {
    for (const language of ['en', 'fr']) {
      const { page, complaints, end } = await visit(await state.start(), {
        locale: language,
        viewport: SIZES.phone,
        timezoneId: 'Europe/Paris',
      });
      await state.reach(page);
      expect(await page.evaluate('document.documentElement.lang')).toBe(language);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const places = state.name.includes('projector') ? [SIZES.phone, SIZES.projector] : [SIZES.phone];
        for (const place of places) {
          await page.setViewportSize(place);
          expect(await violations(page), `${language}, ${colorScheme}, ${place.width}`).toEqual([]);
        }
        for (const [size, viewport] of Object.entries(SIZES)) {
          if (!pictures && colorScheme === 'dark') continue;
          await page.setViewportSize(viewport);
          expect(await overflow(page), `${language}, ${size}`).toBeLessThanOrEqual(0);
          if (!pictures) continue;
          const path = `${pictures}/${state.name}-${language}-${colorScheme}-${size}.png`;
          await page.screenshot({ path, fullPage: size === 'phone' });
        }
        await page.setViewportSize(SIZES.phone);
      }
      await page.evaluate("document.documentElement.dir = 'rtl'");
      expect(await overflow(page), `${language}, from right to left`).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      await end();
    }
  });
});
