import type { Browser, Page, Response } from 'playwright-core';
import { pause } from '../pause.ts';
import type { Random } from '../random.ts';
import type { Step } from './metrics.ts';
import { watchTroubles } from './troubles.ts';

/** What one step came to. */
export type Seen = { step: Step; page: Page } & ({ ms: number } | { failure: string });

const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 100;
const CHANGES_MIND = 0.3;

/**
 * One new voter in a window of its own: opens the poll, thinks, votes, perhaps changes their mind, and watches the result
 * for a while. Ends with the first page that fails, comes without a part of it, or has a script that fails.
 * @param sees hears of each step, while its page is still there.
 */
export async function bePerson(
  browser: Browser,
  where: { voteUrl: string; resultUrl: string; poll: string; thinkMs: number },
  random: Random,
  sees: (seen: Seen) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const think = () => pause(random.fraction() * where.thinkMs, signal);
    const takeTroubles = watchTroubles(page, [where.voteUrl, where.resultUrl]);
    const step = async (name: Step, work: () => Promise<number>) => {
      try {
        const ms = await work();
        const [trouble] = takeTroubles();
        if (trouble !== undefined) throw new Error(trouble);
        await sees({ step: name, page, ms });
        return true;
      } catch (error) {
        const [failure = ''] = (error as Error).message.split('\n');
        await sees({ step: name, page, failure });
        return false;
      }
    };
    const url = (origin: string) => `${origin}/p/${where.poll}`;

    if (!(await step('open', () => loaded(page, page.goto(url(where.voteUrl)))))) return;
    await think();
    if (!(await step('vote', () => vote(page, random)))) return;
    await think();
    if (random.fraction() < CHANGES_MIND && !(await step('change', () => vote(page, random)))) return;
    if (!(await step('watch', () => watch(page, url(where.resultUrl))))) return;
    await think();
    const [trouble] = takeTroubles();
    if (trouble !== undefined) await sees({ step: 'watch', page, failure: trouble });
  } finally {
    await context.close();
  }
}

/**
 * Chooses an option, as a hand does; one that is not chosen yet, where there was a choice before.
 * @returns how long it took from the tap until the answer was on the page (ms).
 */
async function vote(page: Page, random: Random): Promise<number> {
  const change = page.locator('details.change:not([open]) > summary');
  if ((await change.count()) > 0) await change.click();
  const choices = page.locator('.choice');
  const all = Array.from({ length: await choices.count() }, (_, index) => index);
  const others: number[] = [];
  for (const index of all) {
    const isChosen = (await choices.nth(index).getAttribute('aria-current')) === 'true';
    const isTicked = (await choices.nth(index).locator(':checked').count()) > 0;
    if (!isChosen && !isTicked) others.push(index);
    // Where several may be chosen, those of before are ticked.
    if (isTicked) await choices.nth(index).click();
  }
  const choice = choices.nth(random.pick(others.length > 0 ? others : all));
  await page.evaluate("document.getElementById('main').dataset.before = ''");
  let pressed = performance.now();
  await choice.click();
  // Where several may be chosen, a click only ticks.
  const send = page.locator('.cast button');
  if ((await send.count()) > 0) {
    pressed = performance.now();
    await send.click();
  }
  await page.locator('#main:not([data-before]) h1, #main [role="alert"]').first().waitFor();
  const ms = performance.now() - pressed;
  if ((await page.locator('[href*="/receipts/"]').count()) === 0) {
    const told = await page.locator('[role="alert"], h1').first().textContent();
    throw new Error(`the page shows no receipt, but: ${told?.trim().replace(/\s+/g, ' ')}`);
  }
  return ms;
}

/**
 * Opens the result, and makes sure that it is alive: it says so, and its socket tells it of a later moment than the first.
 * @returns how long the page took (ms). @throws where it does not come, is an error, or is not live.
 */
async function watch(page: Page, url: string): Promise<number> {
  const heard = { first: '', last: '' };
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      heard.last = /"asOf":"([^"]+)"/.exec(String(payload))?.[1] ?? heard.last;
      heard.first ||= heard.last;
    }),
  );
  const ms = await loaded(page, page.goto(url));
  const until = performance.now() + PATIENCE_MS;
  const isLive = async () =>
    heard.first !== heard.last && (await page.locator('#freshness[data-tone="live"]').count()) > 0;
  while (!(await isLive())) {
    if (performance.now() > until) {
      const says = (await page.locator('#freshness').textContent())?.trim();
      const what =
        heard.first === heard.last ? 'its socket tells nothing new' : 'though its socket tells more';
      throw new Error(`the tally is not live: the page says "${says}", ${what}`);
    }
    await page.waitForTimeout(LOOK_EVERY_MS);
  }
  return ms;
}

/** @returns how long the page took, from the first request on (ms). @throws where it did not come, or is an error. */
async function loaded(page: Page, navigation: Promise<Response | null>): Promise<number> {
  const response = await navigation;
  if (!response?.ok()) throw new Error(`status ${response?.status() ?? 'unknown'}`);
  await page.waitForLoadState('load');
  // While the page's own handlers of its loading run, that has no end yet.
  return await page.evaluate<number>(
    "performance.getEntriesByType('navigation')[0].loadEventEnd || performance.now()",
  );
}
