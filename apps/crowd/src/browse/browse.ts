import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { requireOpen } from '../plan.ts';
import type { Progress } from '../progress.ts';
import { createRandom } from '../random.ts';
import { readPoll, ServiceError } from '../services.ts';
import { createTimes, describeTimes, type Times } from '../times.ts';
import { type BrowseMetrics, STEPS, type Step } from './metrics.ts';
import { bePerson, type Seen } from './person.ts';

export type BrowseOptions = {
  poll: string;
  /** How many windows are open at a time. */
  voters: number;
  /** 0: until it is stopped. */
  durationMs: number;
  /** At most. */
  thinkMs: number;
  /** The folder for pictures. */
  screenshots: string | undefined;
  seed: string;
  waitMs: number;
};

export type BrowseContext = {
  voteUrl: string;
  resultUrl: string;
  chromiumPath: string;
  metrics: BrowseMetrics;
  progress: Progress;
  /** Ends it: whoever is there goes. */
  signal: AbortSignal;
};

/** So many kinds of failures are told apart, each with a picture of its first. */
const MOST_FAILURES = 20;
const ARGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-dev-shm-usage'];

/**
 * Lets people vote and watch in real browsers, one after another in each window.
 * @returns whether every page came and said what it should; what did not, it has printed.
 * @throws ServiceError where there is no browser, or the services or the poll make it impossible.
 */
export async function browse(options: BrowseOptions, context: BrowseContext): Promise<boolean> {
  const { metrics, progress, signal } = context;
  const poll = await readPoll(context.voteUrl, options.poll, {
    deadline: performance.now() + options.waitMs,
    signal,
    onWait: (what) => progress.update(`waiting: ${what}`),
  });
  requireOpen(poll);
  if (options.screenshots !== undefined) mkdirSync(options.screenshots, { recursive: true });
  const browser = await chromium
    .launch({ executablePath: context.chromiumPath, args: ARGS })
    .catch((error: Error) => {
      throw new ServiceError(
        `CHROMIUM_PATH: ${context.chromiumPath} could not be started (${error.message.split('\n')[0]})`,
      );
    });
  progress.print(
    `${options.voters} people at a time, in Chromium ${browser.version()}. Seed: ${options.seed}`,
  );

  const times = new Map<Step, Times>(STEPS.map((step) => [step, createTimes()]));
  const allTimes = createTimes();
  const failures = new Map<string, number>();
  let failed = 0;
  let people = 0;
  const picture = async ({ page }: Seen, name: string) => {
    if (options.screenshots === undefined) return;
    // Of a page that never came there may be none.
    // Several of this command may share the folder, each in a container of its own.
    const path = join(options.screenshots, `${hostname()}-${name}.png`);
    await page.screenshot({ path, fullPage: true }).catch(() => {});
  };
  const sees = async (person: number, seen: Seen) => {
    if ('ms' in seen) {
      times.get(seen.step)!.add(seen.ms);
      allTimes.add(seen.ms);
      metrics.loads.observe({ step: seen.step }, seen.ms / 1_000);
      if (person < options.voters) await picture(seen, `${person}-${seen.step}`);
      return;
    }
    // Whoever stops it closes the pages that are on their way.
    if (signal.aborted) return;
    metrics.failed.inc({ step: seen.step });
    failed += 1;
    const what = `${seen.step}: ${seen.failure}`;
    const isNew = !failures.has(what);
    if (isNew && failures.size === MOST_FAILURES) return;
    failures.set(what, (failures.get(what) ?? 0) + 1);
    if (!isNew) return;
    // At once: it may run for days.
    progress.print(`FAILED, ${what}`);
    await picture(seen, `failed-${failures.size}-${seen.step}`);
  };

  const until = options.durationMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + options.durationMs;
  const window = async () => {
    while (performance.now() < until && !signal.aborted) {
      const person = people++;
      metrics.browsers.inc();
      const where = { ...context, poll: poll.key, thinkMs: options.thinkMs };
      const random = createRandom(`${options.seed}/${person}`);
      try {
        await bePerson(browser, where, random, (seen) => sees(person, seen), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        metrics.browsers.dec();
      }
      progress.update(
        `${people} people, ${allTimes.count} pages (${describeTimes(allTimes)}), ${failed} failed`,
      );
    }
  };
  const close = () => void browser.close();
  signal.addEventListener('abort', close);
  try {
    await Promise.all(Array.from({ length: options.voters }, window));
  } finally {
    signal.removeEventListener('abort', close);
    await browser.close();
  }

  progress.print(`${people} people came.`);
  for (const [step, ms] of times) progress.print(`  ${step}: ${ms.count} pages, ${describeTimes(ms)}`);
  for (const [what, count] of failures) progress.print(`  FAILED ${count} times, ${what}`);
  const others = failed - [...failures.values()].reduce((sum, count) => sum + count, 0);
  if (others > 0) progress.print(`  FAILED ${others} times in still other ways`);
  return failed === 0 && people > 0;
}
