import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { executablePath, shifts, useBrowser, WATCH_SHIFTS } from './browser.ts';
import { resultStates } from './result-states.ts';
import { serve } from './state.ts';
import { voteStates } from './vote-states.ts';

/** What everything of a page may weigh as it is sent, headers included. */
const MOST_BYTES = 60_000;

/** A slow network brings a page in so many pieces. */
const PIECES = 40;

type Loaded = { name: string; bytes: number; blocking: string };

/** Runs in the page: what was loaded for it, itself included. */
const LOADED = `[
  ...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource'),
].map(({ name, transferSize, renderBlockingStatus }) => ({ name, bytes: transferSize, blocking: renderBlockingStatus }))`;

describe.skipIf(executablePath === undefined)('a page that is opened for the first time', async () => {
  if (executablePath === undefined) return;
  const visit = useBrowser();
  const states = [...(await voteStates()), ...resultStates()];
  const named = (names: RegExp) => states.filter(({ name }) => names.test(name));

  it.each(
    named(/^(vote-(open|thirty-options|scheduled|polls)|result-(live|thirty-options|projector|polls))$/),
  )(
    '$name weighs less than 60 kB, waits for its style sheet alone, and asks no other host',
    async ({ start }) => {
      const url = await start();
      const hosts = new Set<string>();
      const { page, end } = await visit('about:blank');
      page.on('request', (request) => hosts.add(new URL(request.url()).host));
      page.on('websocket', (socket) => hosts.add(new URL(socket.url()).host));
      await page.goto(url, { waitUntil: 'networkidle' });
      const loaded: Loaded[] = await page.evaluate(LOADED);
      expect(loaded.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(MOST_BYTES);
      expect(loaded.length).toBeGreaterThan(2);
      expect(loaded[0]!.name).toBe(url);
      const blocking = loaded.filter(({ blocking }) => blocking === 'blocking');
      expect(blocking.map(({ name }) => name)).toEqual([expect.stringMatching(/\/assets\/style-\w+\.css$/)]);
      expect([...hosts]).toEqual([new URL(url).host]);
      await end();
    },
  );

  const LAPTOP = { locale: 'en-GB', viewport: { width: 1_280, height: 800 } };
  const PHONE = { locale: 'fr', viewport: { width: 320, height: 640 } };
  const HALL = { locale: 'fr', viewport: { width: 1_920, height: 1_080 } };

  it.each([
    ...named(/^(vote-(open|queued|scheduled|thirty-options)|result-(live|scheduled|thirty-options))$/).map(
      (state) => ({ ...state, screens: [LAPTOP, PHONE] }),
    ),
    ...named(/^result-projector(-localhost|-thirty)?$/).map((state) => ({
      ...state,
      screens: [LAPTOP, HALL],
    })),
    // On the narrowest phone its sentence may take a line less in the reader's own time than in UTC.
    ...named(/^result-hidden$/).map((state) => ({ ...state, screens: [LAPTOP] })),
  ])('$name jumps nowhere while it comes piece by piece, and its script last', async ({ start, screens }) => {
    const { origin, pathname } = new URL(await start());
    for (const screen of screens) {
      const asked = new EventEmitter<{ page: [text: string, res: ServerResponse]; script: [] }>();
      const shown = once(asked, 'script');
      const slow = await serve(async (req, res) => {
        const answer = await fetch(origin + req.url, { headers: { 'accept-language': screen.locale } });
        const text = await answer.text();
        res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type')! });
        if (req.url === pathname) return void asked.emit('page', text, res);
        if (req.url!.endsWith('.js')) await shown;
        res.end(text);
      });
      const { page, end } = await visit('about:blank', screen);
      await page.addInitScript(WATCH_SHIFTS);
      const answering = once(asked, 'page') as Promise<[string, ServerResponse]>;
      const opening = page.goto(slow + pathname, { waitUntil: 'commit' });
      const [text, res] = await answering;
      // Nothing is seen of a page before its body.
      const [head = '', body = ''] = text.split(/(?=<body)/);
      const lines = body.split(/(?<=\n)/);
      const each = Math.ceil(lines.length / PIECES);
      res.write(head);
      await opening;
      while (lines.length > 0) {
        res.write(lines.splice(0, each).join(''));
        // What came so far is seen before more comes.
        await page.evaluate('painted()');
      }
      res.end();
      asked.emit('script');
      await page.waitForLoadState();
      expect(await shifts(page), screen.locale).toEqual([]);
      await end();
    }
  });
});
