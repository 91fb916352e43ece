import { findChromium } from '@hbf/local-services/find-chromium';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

/** The machine's Chromium; undefined where there is none, or none is wanted: the tests are then visibly skipped. */
export const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();

/** A page of somebody's, and what its console complained about. */
export type Visit = { page: Page; complaints: string[]; end: () => Promise<void> };

/** A browser for a test file. @returns what visits an address in a context of its own. */
export function useBrowser(): (url: string, options?: BrowserContextOptions) => Promise<Visit> {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--no-first-run', '--disable-background-networking'],
    });
  });
  afterAll(() => browser?.close());

  return async (url, options = {}) => {
    const context = await browser.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // A refused ballot and a server that is gone are told by the browser too.
      if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text()))
        complaints.push(message.text());
    });
    await page.goto(url);
    return { page, complaints, end: () => context.close() };
  };
}

/** How much wider than the window a page is (CSS pixels): nobody should have to scroll sideways. */
export async function overflow(page: Page): Promise<number> {
  return Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
}

/** Runs in a page: resolves when what there is now was painted. */
const PAINTED = 'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))';

/** Runs in a page: notes what jumps on it from now on. */
export const WATCH_SHIFTS = `
  window.shifts = [];
  // What follows a tap is expected to move something.
  const add = (entries) => entries.filter(({ hadRecentInput }) => !hadRecentInput).forEach(({ value, sources }) => shifts.push(
    value.toFixed(4) + ' ' + sources.map(({ node }) => {
      const element = node?.nodeType === 3 ? node.parentElement : node;
      return (element?.id || element?.className) + ': ' + node?.textContent.trim().slice(0, 60);
    }).join(', '),
  ));
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: 'layout-shift' });
  // What the last change moved is known once it was painted.
  window.painted = () => ${PAINTED}.then(() => add(observer.takeRecords()));
`;

/** Notes what jumps on a page from now on, and nothing of what jumped as it came. */
export async function watchShifts(page: Page): Promise<void> {
  await page.evaluate(PAINTED);
  await page.evaluate(WATCH_SHIFTS);
}

/** What has jumped on the page, and by how much. */
export async function shifts(page: Page): Promise<string[]> {
  return await page.evaluate('painted().then(() => window.shifts)');
}
