import { findChromium } from '@hbf/local-services/find-chromium';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createFakeFeed } from './support/fake-feed.ts';
import { startTestService } from './support/service.ts';
import { keptOf, NOW, partitionOf, pollOf, snapshotOf } from './support/snapshots.ts';

// The page as a reader sees it, in a real browser.
const program = findChromium();

describe.skipIf(!program)('the page of a poll', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program!, args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());

  async function open(url: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: { width: 375, height: 740 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
    return { page, complaints, close: () => context.close() };
  }

  const text = (page: Page, selector: string) => page.locator(selector).textContent();
  const saysSoon = (page: Page, selector: string, expected: string | RegExp, timeout = 8_000) =>
    vi.waitFor(async () => expect(await text(page, selector)).toMatch(expected), { timeout, interval: 50 });

  test('moves with each change, without any jump, and complains of nothing', async () => {
    const feed = createFakeFeed(snapshotOf({ polls: [keptOf({ votes: [0, 0], turnout: 0 })] }));
    const service = await startTestService({ feed });
    const { page, complaints, close } = await open(service.url);
    expect(await text(page, '#turnout')).toBe('No ballots yet');
    expect(await text(page, '[data-option=a] .share')).toBe('');
    await page.evaluate(`
      window.shift = 0;
      const add = (entries) => entries.forEach(({ value }) => (window.shift += value));
      const observer = new PerformanceObserver((list) => add(list.getEntries()));
      observer.observe({ type: 'layout-shift', buffered: true });
      // What the last change moved is known once it was painted.
      window.painted = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
        .then(() => add(observer.takeRecords()));
    `);
    feed.give(snapshotOf({ polls: [keptOf({ votes: [2, 1], turnout: 3 })] }));
    await saysSoon(page, '#turnout', '3 voters');
    expect(await text(page, '[data-option=a] .share')).toBe('67%');
    expect(await page.locator('[data-option=a] .fill').getAttribute('style')).toBe(
      'transform: scaleX(0.6667);',
    );
    const partitions = [partitionOf({ queued: 1_234, oldestQueuedMs: 2_500 })];
    feed.give(snapshotOf({ partitions, polls: [keptOf({ votes: [2_000, 98_000], turnout: 100_000 })] }));
    await saysSoon(page, '#freshness', 'Counting is behind: 1,234 ballots on their way');
    expect(await text(page, '[data-option=b] .votes')).toBe('98,000 votes');
    feed.give(snapshotOf({ partitions: [partitionOf({ heartbeatAt: NOW - 60_000 })] }));
    await saysSoon(page, '#freshness', /Counting has stopped/);
    expect(await page.evaluate('painted().then(() => window.shift)')).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  test('says by itself that the server is silent, and shows a whole tally when it is back', async () => {
    const feed = createFakeFeed(snapshotOf());
    const service = await startTestService({ feed });
    const { page, close } = await open(service.url);
    await saysSoon(page, '#freshness', /^\s*Live/);
    await service.close();
    await saysSoon(page, '#freshness', /No news from the server for \d+ s: what you see may be old/, 12_000);
    expect(await page.locator('#tally').getAttribute('data-old')).toBe('');
    expect(await text(page, '#turnout')).toBe('3 voters');

    const back = createFakeFeed(snapshotOf({ polls: [keptOf({ votes: [9, 1], turnout: 10 })] }));
    await startTestService({ feed: back, port: service.port });
    await saysSoon(page, '#turnout', '10 voters', 10_000);
    expect(await text(page, '#freshness')).toMatch(/^\s*Live/);
    expect(await page.locator('#tally').getAttribute('data-old')).toBeNull();
    await close();
  });

  test('watches as soon as there is a tally, when the service has just started', async () => {
    const feed = createFakeFeed();
    const service = await startTestService({ feed });
    const { page, close } = await open(`${service.url}/p/best-friend`);
    expect(await text(page, 'h1')).toBe('This cannot be answered right now');
    feed.give(snapshotOf());
    await page.locator('#tally').waitFor();
    await saysSoon(page, '#turnout', '3 voters');
    await close();
  });

  test('puts in labels as text, and takes new ones and a new order without loading again', async () => {
    const evil = '<img src=x onerror="document.title=1">';
    const feed = createFakeFeed(snapshotOf());
    const service = await startTestService({ feed });
    const { page, close } = await open(service.url);
    const poll = pollOf({
      question: evil,
      options: [
        { key: 'b', label: evil },
        { key: 'a', label: 'Kittens' },
      ],
    });
    feed.give(snapshotOf({ polls: [keptOf({ poll, votes: [1, 2] })] }));
    await saysSoon(page, '#question', evil);
    expect(await page.locator('.label').allTextContents()).toEqual([evil, 'Kittens']);
    expect(await page.locator('.votes').allTextContents()).toEqual(['1 vote', '2 votes']);
    expect(await page.locator('img').count()).toBe(0);
    await close();
  });

  test('opens the hidden votes and names the outcome when the poll has become final', async () => {
    const poll = pollOf({ results: 'after-close', closesAt: NOW + 3_600_000 });
    const feed = createFakeFeed(snapshotOf({ polls: [keptOf({ poll })] }));
    const service = await startTestService({ feed });
    const { page, close } = await open(service.url, { timezoneId: 'Asia/Kolkata' });
    await saysSoon(page, '#hidden', /once voting closes: .*18:30$/);
    const shown = (selector: string) => page.locator(selector).filter({ visible: true }).count();
    const parts = ['.label', '.share', '.bar', '.votes'];
    expect(await Promise.all(parts.map(shown))).toEqual([2, 0, 0, 0]);
    expect(await text(page, '#vote')).toBe('Vote');
    feed.give(snapshotOf({ polls: [keptOf({ poll, phase: 'closed' })] }));
    await saysSoon(page, '#hidden', /as soon as it is certain that no more ballots are accepted/);
    expect(await Promise.all(parts.map(shown))).toEqual([2, 0, 0, 0]);
    feed.give(snapshotOf({ polls: [keptOf({ poll, phase: 'final', closedEverywhere: true })] }));
    await saysSoon(page, '#verdict', 'Most votes: Cats');
    expect(await page.locator('#hidden').isVisible()).toBe(false);
    expect(await page.locator('.votes').allTextContents()).toEqual(['2 votes', '1 vote']);
    expect(await Promise.all(parts.map(shown))).toEqual([2, 2, 2, 2]);
    expect(await page.locator('#vote').isVisible()).toBe(false);
    await close();
  });

  test('works without JavaScript: everything is there, and it loads itself again', async () => {
    const feed = createFakeFeed(snapshotOf());
    const service = await startTestService({ feed });
    const { page, close } = await open(service.url, { javaScriptEnabled: false });
    expect(await text(page, '#turnout')).toBe('3 voters');
    feed.give(snapshotOf({ polls: [keptOf({ turnout: 4 })] }));
    await saysSoon(page, '#turnout', '4 voters');
    await close();
  });

  test('tells screen readers, but not at every change', async () => {
    const feed = createFakeFeed(snapshotOf());
    const service = await startTestService({ feed });
    const { page, close } = await open(service.url);
    await page.clock.install();
    await page.reload();
    const change = async (turnout: number) => {
      feed.give(snapshotOf({ polls: [keptOf({ turnout })] }));
      await saysSoon(page, '#turnout', `${turnout} voters`);
    };
    await change(4);
    await change(5);
    expect(await text(page, '#news')).toBe('');
    await page.clock.fastForward(16_000);
    await saysSoon(page, '#news', 'Ahead by 1 vote: Cats. 5 voters');
    await change(6);
    await change(7);
    expect(await text(page, '#news')).toContain('5 voters');
    await page.clock.fastForward(16_000);
    await saysSoon(page, '#news', /7 voters/);
    await close();
  });

  test('tells screen readers at once that counting has stopped, and that it goes on', async () => {
    const feed = createFakeFeed(snapshotOf());
    const service = await startTestService({ feed });
    const { page, close } = await open(service.url);
    await page.locator('[data-attended]').waitFor();
    feed.give(snapshotOf({ partitions: [partitionOf({ heartbeatAt: NOW - 60_000 })] }));
    await saysSoon(page, '#freshness-news', /^Counting has stopped since/);
    feed.give(snapshotOf({ now: NOW + 60_000, partitions: [partitionOf({ heartbeatAt: NOW + 59_900 })] }));
    await saysSoon(page, '#freshness-news', /^Live$/);
    await close();
  });

  test('says so itself where its script did not come: "live" would be true no more', async () => {
    const service = await startTestService({ feed: createFakeFeed(snapshotOf()) });
    const { page, close } = await open('about:blank');
    await page.route('**/*.js', (route) => route.abort());
    await page.goto(service.url);
    const notice = page.locator('.unattended');
    expect(await notice.isVisible()).toBe(false);
    await notice.waitFor({ state: 'visible', timeout: 15_000 });
    await page.unroute('**/*.js');
    await page.reload();
    await page.locator('[data-attended]').waitFor();
    expect(await notice.isVisible()).toBe(false);
    await close();
  });

  test('fits a phone, however long its words are', async () => {
    const poll = pollOf({
      question: 'Q'.repeat(300),
      options: [
        { key: 'a', label: 'L'.repeat(200) },
        { key: 'b', label: 'B' },
      ],
    });
    const service = await startTestService({
      feed: createFakeFeed(snapshotOf({ polls: [keptOf({ poll })] })),
    });
    const { page, close } = await open(service.url, { viewport: { width: 320, height: 600 } });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
    await close();
  });
});
