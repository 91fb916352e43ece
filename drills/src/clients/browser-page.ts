import { findChromium } from '@hbf/local-services/find-chromium';
import { chromium, type Page } from 'playwright-core';
import type { Recorder } from '../history/recorder.ts';
import type { System } from '../system/system.ts';
import { until } from '../until.ts';
import type { Sight } from './page-state.ts';
import { gatherPages, type Pages, resultReplicas } from './pages.ts';
import { type DomWords, readDom } from './read-dom.ts';

/** How long the page may take to be served (ms): result may just be starting. */
const OPEN_WITHIN_MS = 30_000;

/**
 * Opens the real page of a poll in a real Chromium, at the first replica of result.
 * @returns undefined where there is no Chromium, or HBF_NO_BROWSER is 1.
 * @throws if the page cannot be opened within 30 s.
 */
export async function startBrowserPage(options: {
  system: Pick<System, 'replicas'>;
  recorder: Recorder;
  /** The poll's key. */
  poll: string;
}): Promise<Pages | undefined> {
  const { system, recorder, poll } = options;
  const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();
  const [replica] = resultReplicas(system);
  if (executablePath === undefined || !replica) return undefined;
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      // A reader looks at the page; nobody looks at a headless one.
      '--disable-background-timer-throttling',
    ],
  });
  const name = `chromium/${replica.name}/${poll}`;
  let sight: Sight | undefined;
  const see = (words: DomWords): void => {
    const next = readDom(words, sight);
    if (JSON.stringify(next) === JSON.stringify(sight)) return;
    sight = next;
    recorder.record({ type: 'page', page: name, poll, ...next });
  };
  try {
    const page = await browser.newPage();
    await page.exposeBinding('drillSees', (_, words: DomWords) => {
      try {
        see(words);
      } catch (error) {
        // Else only the page would hear of it. What stood there before stays, and will not agree in the end.
        recorder.record({ type: 'note', text: `${name}: ${(error as Error).message}` });
      }
    });
    await page.addInitScript(watchDom);
    await open(page, `${replica.url}/p/${poll}`);
  } catch (error) {
    await browser.close();
    throw error;
  }
  // What stands there changes with the tally, so that hearing the same again cannot be seen.
  const heardAt = () => undefined;
  return gatherPages(system, [
    { name, poll, replica, sight: () => sight, heardAt, close: () => browser.close() },
  ]);
}

async function open(page: Page, url: string): Promise<void> {
  await until(
    `the browser shows ${url}`,
    async () => {
      await page.goto(url, { timeout: 5_000, waitUntil: 'domcontentloaded' });
      return (await page.locator('#tally').count()) === 1;
    },
    OPEN_WITHIN_MS,
    500,
  );
}

/** Runs in the page, before its own script: tells what stands there after each change. */
function watchDom(): void {
  addEventListener('DOMContentLoaded', () => {
    const page = document.getElementById('tally');
    if (!page) return;
    const textOf = (id: string) => document.getElementById(id)!.textContent!.trim();
    const tell = () => {
      const words = {
        tone: document.getElementById('freshness')!.dataset.tone ?? '',
        freshness: textOf('freshness'),
        turnout: textOf('turnout'),
        times: textOf('times'),
        votes: [...page.querySelectorAll('[data-option] .votes')].map((votes) => votes.textContent!.trim()),
      };
      void (globalThis as unknown as { drillSees(words: DomWords): Promise<void> }).drillSees(words);
    };
    new MutationObserver(tell).observe(page, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
    tell();
  });
}
