import type { RequestListener } from 'node:http';
import { findChromium } from '@hbf/local-services/find-chromium';
import { closeServer, createHttpServer, listen } from '@hbf/service-kit/http-server';
import { chromium } from 'playwright-core';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { makeApp } from '../support/app.ts';
import { allPolls } from '../support/polls.ts';

const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : await findChromium();

async function serve(listener: RequestListener): Promise<number> {
  const server = createHttpServer(listener);
  afterAll(() => closeServer(server));
  return await listen(server, 0, '127.0.0.1');
}

describe.skipIf(executablePath === undefined)('in a browser', async () => {
  if (executablePath === undefined) return;

  /** What the result service says of every receipt, one after the other, the last for ever. */
  let states: string[] = [];
  const resultPort = await serve((_req, res) => {
    const status = states.length > 1 ? states.shift() : states[0];
    res.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'application/json' });
    res.end(JSON.stringify({ status }));
  });
  const { app, ballots } = makeApp({ publicResultUrl: `http://127.0.0.1:${resultPort}` });
  const port = await serve(app);
  const evilPort = await serve((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html' });
    const host = res.req.headers.host?.startsWith('127') ? '127.0.0.1' : 'vote.lan';
    res.end(
      `<form method="post" action="http://${host}:${port}/"><input name="vote" value="a"><button>Win</button></form>`,
    );
  });
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--no-first-run',
      '--disable-background-networking',
      // Names that no browser trusts as it does localhost: there it sends no Sec-Fetch-Site.
      '--host-resolver-rules=MAP vote.lan 127.0.0.1, MAP evil.lan 127.0.0.1',
    ],
  });
  afterAll(() => browser.close());

  beforeEach(() => {
    states = ['queued'];
    ballots.appended.length = 0;
    ballots.answer = undefined;
    ballots.known = allPolls;
  });

  /** Opens a page in a browser of its own; `errors` gets what its console complains about. */
  async function open(url: string, options: Parameters<typeof browser.newContext>[0] = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(url);
    return { page, errors };
  }

  it.each([
    ['this machine', '127.0.0.1'],
    ['a plain http address in the local network', 'vote.lan'],
  ])('a voter votes without JavaScript, through %s', async (_, host) => {
    const { page, errors } = await open(`http://${host}:${port}/`, { javaScriptEnabled: false });
    await page.getByRole('button', { name: 'Dogs' }).click();
    await page.getByText('You chose Dogs.').waitFor();
    await page.getByRole('link', { name: 'See where it is' }).waitFor();
    expect(page.url()).toBe(`http://${host}:${port}/p/best-friend`);
    expect(ballots.appended).toMatchObject([{ choices: ['b'] }]);
    expect(errors).toEqual([]);
  });

  it.each([
    ['told by Sec-Fetch-Site', '127.0.0.1'],
    ['told by Origin', 'evil.lan'],
  ])("a form on another site's page is refused (%s), cookie or not", async (_, host) => {
    const own = host === 'evil.lan' ? 'vote.lan' : '127.0.0.1';
    const { page } = await open(`http://${own}:${port}/`);
    await page.goto(`http://${host}:${evilPort}/`);
    await page.getByRole('button', { name: 'Win' }).click();
    await page.getByText('The request came from another site').waitFor();
    expect(ballots.appended).toEqual([]);
  });

  it('the receipt is followed from queued to counted, with no complaint of the page about its policy', async () => {
    states = ['queued', 'queued', 'counted'];
    const { page, errors } = await open(`http://127.0.0.1:${port}/`);
    await page.getByRole('button', { name: 'Cats' }).click();
    await page.getByRole('status').getByText('It is counted.').waitFor();
    expect(errors).toEqual([]);
  });

  it('a ballot that could not be confirmed is sent again with one press, its choices kept', async () => {
    const { page } = await open(`http://127.0.0.1:${port}/p/lunch`);
    ballots.answer = { outcome: 'unconfirmed' };
    await page.getByLabel('Soup').check();
    await page.getByLabel('Rice').check();
    await page.getByRole('button', { name: 'Vote' }).click();
    await page.getByRole('alert').getByText('it cannot count twice').waitFor();
    ballots.answer = undefined;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('You chose Soup and Rice.').waitFor();
    expect(new Set(ballots.appended.map(({ voter, choices }) => `${voter} ${choices}`)).size).toBe(1);
  });

  it.each([
    ['/p/over', '1 Jun 2026, 21:00'],
    ['/p/later', '1 Jun 2026, 21:00'],
  ])("the times of %s are the reader's own, and without a script say whose they are", async (path, words) => {
    const { page, errors } = await open(`http://127.0.0.1:${port}${path}`, { timezoneId: 'Asia/Tokyo' });
    await page.locator('time').getByText(words).waitFor();
    expect(errors).toEqual([]);
    const plain = await open(`http://127.0.0.1:${port}${path}`, { javaScriptEnabled: false });
    expect(await plain.page.locator('time').textContent()).toBe('1 Jun 2026, 12:00 UTC');
  });

  it('the keyboard is enough: to vote, to see what was chosen and to change it', async () => {
    const { page } = await open(`http://127.0.0.1:${port}/`);
    const focused = () => page.evaluate('document.activeElement.textContent.trim()');
    const tabTo = async (text: RegExp) => {
      for (let presses = 0; presses < 20; presses++) {
        await page.keyboard.press('Tab');
        if (text.test(String(await focused()))) return;
      }
      throw new Error(`${text} is out of the keyboard's reach`);
    };
    await tabTo(/^Dogs/);
    await page.keyboard.press('Enter');
    await page.getByText('You chose Dogs.').waitFor();
    expect(await focused()).toMatch(/Your ballot was accepted$/);
    await tabTo(/^Change my vote$/);
    await page.keyboard.press('Enter');
    await tabTo(/^Cats/);
    await page.keyboard.press('Space');
    await page.getByText('You chose Cats.').waitFor();
    expect(ballots.appended.map(({ choices }) => choices)).toEqual([['b'], ['a']]);
  });

  it.each(['/', '/p/lunch', '/p/over', '/p/later', '/p/nope', '/problems'])(
    'a screen 320 pixels wide shows %s without sideways scrolling, with targets that a finger hits',
    async (path) => {
      const { page } = await open(`http://127.0.0.1:${port}${path}`, {
        viewport: { width: 320, height: 600 },
      });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
      for (const target of await page.locator('.choice, button, .button').filter({ visible: true }).all()) {
        expect((await target.boundingBox())!.height).toBeGreaterThanOrEqual(44);
      }
    },
  );

  it('text stands out from its ground by 4.5 to 1, in light and in dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open(`http://127.0.0.1:${port}/`, { colorScheme });
      await page.getByRole('button', { name: 'Cats' }).click();
      await page.getByText('You chose Cats.').waitFor();
      for (const selector of [
        'h1',
        'legend',
        '.own h2',
        '.own p',
        '.choice span',
        '.button',
        '.change summary',
        'footer p',
      ]) {
        const contrast = await page.locator(selector).first().evaluate(contrastOf);
        expect(contrast, `${selector}, ${colorScheme}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});

/** Runs in the page: the contrast of an element's text and what is behind it, as WCAG 2 has it. */
function contrastOf(element: { parentElement: never }): number {
  const style = (of: unknown) =>
    (
      globalThis as never as { getComputedStyle(e: unknown): { color: string; backgroundColor: string } }
    ).getComputedStyle(of);
  const luminance = (color: string) => {
    const [r, g, b] = color
      .match(/[\d.]+/g)!
      .slice(0, 3)
      .map((part) => Number(part) / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  let ground: { parentElement: never } | null = element;
  while (ground && /, 0\)$/.test(style(ground).backgroundColor)) ground = ground.parentElement;
  const [light, dark] = [style(element).color, style(ground).backgroundColor]
    .map(luminance)
    .sort((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}
