import { describe, expect, it } from 'vitest';
import { executablePath, useBrowser } from './browser.ts';
import { resultStates } from './result-states.ts';
import { voteStates } from './vote-states.ts';

/** What everything of a page may weigh as it is sent, headers included. */
const MOST_BYTES = 60_000;

type Loaded = { name: string; bytes: number; blocking: string };

/** Runs in the page: what was loaded for it, itself included. */
const LOADED = `[
  ...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource'),
].map(({ name, transferSize, renderBlockingStatus }) => ({ name, bytes: transferSize, blocking: renderBlockingStatus }))`;

describe.skipIf(executablePath === undefined)('a page that is opened for the first time', async () => {
  if (executablePath === undefined) return;
  const visit = useBrowser();
  const states = [...(await voteStates()), ...resultStates()].filter(({ name }) =>
    /^(vote-(open|thirty-options|scheduled|polls)|result-(live|thirty-options|projector|polls))$/.test(name),
  );

  it.each(states)(
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
});
