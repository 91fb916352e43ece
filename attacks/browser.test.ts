import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findChromium } from '@hbf/local-services/find-chromium';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { FULL } from './support/seed.ts';
import { countBallots, result, vote } from './support/system.ts';
import { watchOver } from './support/watch-over.ts';

watchOver();

const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();

/** Names that Chromium finds on this machine: ours, a sibling of it, and somebody else's. */
const HOSTS = { ours: 'vote.hbf.test', sibling: 'evil.hbf.test', other: 'evil.test' };

// Visibly skipped, and said at the end of the run, where no Chromium can be had.
describe.skipIf(executablePath === undefined)(
  "a page of another origin, in a voter's own browser",
  async () => {
    if (executablePath === undefined) return;
    const port = (url: string) => new URL(url).port;
    const voteOrigin = `http://${HOSTS.ours}:${port(vote.url!)}`;
    const resultOrigin = `http://${HOSTS.ours}:${port(result.url!)}`;
    const evil = createServer((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>Kittens</title><body>');
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    const evilPort = (evil.address() as AddressInfo).port;
    const browser: Browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-quic', '--host-resolver-rules=MAP *.test 127.0.0.1'],
    });
    afterAll(async () => {
      await browser.close();
      evil.closeAllConnections();
      evil.close();
    });

    /** A voter who has voted for `b`, and then follows a link to a page of the attacker's. */
    async function lure(host: string): Promise<Page> {
      const page = await (await browser.newContext()).newPage();
      await page.goto(`${voteOrigin}/p/several`);
      await page.getByLabel('Beech').check();
      await page.getByRole('button', { name: 'Vote' }).click();
      await page.getByText('Your ballot was accepted').waitFor();
      await page.goto(`http://${host}:${evilPort}/`);
      return page;
    }

    const EVERYWHERE = FULL ? [HOSTS.other, HOSTS.sibling, HOSTS.ours] : [HOSTS.other, HOSTS.ours];

    it.each(EVERYWHERE)('%s (another port, where it is our host) casts no ballot by a form', async (host) => {
      const page = await lure(host);
      const before = await countBallots('several');
      for (const [action, type] of [
        [`${voteOrigin}/p/several`, 'application/x-www-form-urlencoded'],
        [`${voteOrigin}/p/several`, 'text/plain'],
        [`${voteOrigin}/api/polls/several/ballots`, 'text/plain'],
        [`${voteOrigin}/`, 'multipart/form-data'],
      ]) {
        const tab = await page.context().newPage();
        await tab.goto(`http://${host}:${evilPort}/`);
        const answered = tab.waitForResponse(
          (response) => response.url() === action && response.request().method() === 'POST',
        );
        await tab.evaluate(
          ([to, encoding]) => {
            const form = document.createElement('form');
            Object.assign(form, { method: 'post', action: to, enctype: encoding });
            const field = document.createElement('input');
            Object.assign(field, { name: 'vote', value: 'a' });
            form.append(field);
            document.body.append(form);
            form.submit();
          },
          [action!, type!] as const,
        );
        expect((await answered).status()).toBe(403);
      }
      await page.context().close();
      expect(await countBallots('several')).toEqual(before);
    });

    it.each(EVERYWHERE)(
      '%s casts no ballot by fetch, and reads nothing but what anybody may',
      async (host) => {
        const page = await lure(host);
        const before = await countBallots('several');
        const told = await page.evaluate(
          async ([voteAt, resultAt]) => {
            const attempt = async (url: string, init: RequestInit) => {
              try {
                const response = await fetch(url, { credentials: 'include', ...init });
                return response.type === 'opaque' ? 'opaque' : `read ${response.status}`;
              } catch {
                return 'blocked';
              }
            };
            const json = '{"choices":["a"]}';
            const ballots = `${voteAt}/api/polls/several/ballots`;
            return {
              simple: await attempt(ballots, {
                method: 'POST',
                mode: 'no-cors',
                headers: { 'Content-Type': 'text/plain' },
                body: json,
              }),
              form: await attempt(`${voteAt}/p/several`, {
                method: 'POST',
                mode: 'no-cors',
                body: new URLSearchParams({ vote: 'a' }),
              }),
              beacon: navigator.sendBeacon(ballots, new Blob([json], { type: 'text/plain' })),
              preflighted: await attempt(ballots, {
                method: 'POST',
                headers: { 'Content-Type': 'application/json' },
                body: json,
              }),
              put: await attempt(ballots, { method: 'PUT', body: json }),
              page: await attempt(`${voteAt}/p/several`, {}),
              polls: await attempt(`${voteAt}/api/polls`, {}),
              tally: await attempt(`${resultAt}/api/polls/several/tally`, {}),
              receipt: await attempt(`${resultAt}/api/receipts/x`, {}),
              receiptPlain: await attempt(`${resultAt}/api/receipts/x`, { credentials: 'omit' }),
            };
          },
          [voteOrigin, resultOrigin] as const,
        );
        expect(told).toMatchObject({
          preflighted: 'blocked',
          put: 'blocked',
          page: 'blocked',
          polls: 'blocked',
          tally: 'blocked',
          receipt: 'blocked',
          receiptPlain: 'read 404',
        });
        await page.context().close();
        expect(await countBallots('several')).toEqual(before);
      },
    );

    it.each(EVERYWHERE)('%s opens no socket', async (host) => {
      const page = await lure(host);
      const told = await page.evaluate(
        (at) =>
          new Promise((resolve) => {
            const socket = new WebSocket(`${at.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
            socket.onopen = () => resolve('open');
            socket.onerror = () => resolve('refused');
          }),
        resultOrigin,
      );
      expect(told).toBe('refused');
      await page.context().close();
    });

    it.each(EVERYWHERE)(
      '%s shows neither service in a frame, an image, an object or a script',
      async (host) => {
        const page = await lure(host);
        for (const at of [`${voteOrigin}/p/several`, `${resultOrigin}/p/several`]) {
          const frame = await page.evaluate(async (src) => {
            const loaded = (tag: 'iframe' | 'object' | 'embed' | 'script' | 'img') =>
              new Promise<string>((resolve) => {
                const element = document.createElement(tag);
                element.setAttribute(tag === 'object' ? 'data' : 'src', src);
                element.onload = () => resolve('loaded');
                element.onerror = () => resolve('failed');
                document.body.append(element);
                setTimeout(() => resolve('nothing'), 2_000);
              });
            return {
              iframe: await loaded('iframe'),
              script: await loaded('script'),
              img: await loaded('img'),
            };
          }, at);
          // A frame that is refused loads Chromium's own page of the error.
          const shown = page.frames().filter((child) => child !== page.mainFrame());
          for (const child of shown) expect(await child.content()).not.toContain('Which ones?');
          expect(frame.script).not.toBe('loaded');
          expect(frame.img).not.toBe('loaded');
        }
        await page.context().close();
      },
    );

    it('a sandboxed frame, a data: page and a page without an origin cast none either', async () => {
      const page = await lure(HOSTS.other);
      const before = await countBallots('several');
      const action = `${voteOrigin}/p/several`;
      const answered = page.waitForResponse((response) => response.url() === action);
      await page.evaluate((to) => {
        const frame = document.createElement('iframe');
        frame.setAttribute('sandbox', 'allow-forms allow-scripts allow-top-navigation');
        frame.srcdoc = `<form method=post target=_top action="${to}"><input name=vote value=a></form><script>document.forms[0].submit()</script>`;
        document.body.append(frame);
      }, action);
      expect((await answered).status()).toBe(403);
      await page.context().close();
      expect(await countBallots('several')).toEqual(before);
    });
  },
);
